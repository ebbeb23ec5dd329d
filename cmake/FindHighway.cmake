# Finds Highway as Debian packages it, without a CMake config file: Highway::hwy.
find_path(HIGHWAY_INCLUDE_DIR hwy/highway.h)
find_library(HIGHWAY_LIBRARY hwy)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Highway REQUIRED_VARS HIGHWAY_LIBRARY HIGHWAY_INCLUDE_DIR)
if(HIGHWAY_FOUND AND NOT TARGET Highway::hwy)
  add_library(Highway::hwy SHARED IMPORTED)
  set_target_properties(Highway::hwy PROPERTIES
    IMPORTED_LOCATION ${HIGHWAY_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${HIGHWAY_INCLUDE_DIR})
endif()
