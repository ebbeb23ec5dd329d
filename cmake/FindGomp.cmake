# Finds the OpenMP runtime that oneDNN runs on: Gomp::gomp. The library alone: clang finds it too.
find_library(Gomp_LIBRARY NAMES libgomp.so.1 gomp)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Gomp REQUIRED_VARS Gomp_LIBRARY)
if(Gomp_FOUND AND NOT TARGET Gomp::gomp)
  add_library(Gomp::gomp SHARED IMPORTED)
  set_target_properties(Gomp::gomp PROPERTIES IMPORTED_LOCATION ${Gomp_LIBRARY})
endif()
