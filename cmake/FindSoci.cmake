# Finds SOCI with its SQLite backend as Debian packages it: Soci::core, Soci::sqlite3.
find_path(Soci_INCLUDE_DIR soci/soci.h)
find_library(Soci_core_LIBRARY soci_core)
find_library(Soci_sqlite3_LIBRARY soci_sqlite3)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Soci REQUIRED_VARS Soci_core_LIBRARY Soci_sqlite3_LIBRARY Soci_INCLUDE_DIR)
foreach(_lib core sqlite3)
  if(Soci_FOUND AND NOT TARGET Soci::${_lib})
    add_library(Soci::${_lib} SHARED IMPORTED)
    set_target_properties(Soci::${_lib} PROPERTIES
      IMPORTED_LOCATION ${Soci_${_lib}_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES "${Soci_INCLUDE_DIR};${Soci_INCLUDE_DIR}/soci")
  endif()
endforeach()
