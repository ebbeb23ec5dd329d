# Finds Apache Arrow C++: Arrow::arrow (core, CSV, IPC, filesystems) and Arrow::parquet.
#
# Debian 12 has no Arrow package, so the headers and libraries that the pinned pyarrow wheel ships are used
# (docs/decisions/0001-arrow-from-wheel.md). deploy/install-deps.sh unpacks them into
# ${SDA_DEPS_DIR}/arrow-<version>/pyarrow; SDA_DEPS_DIR defaults to ~/.cache/sda/deps.
#
# libarrow_compute is deliberately not offered: it exports an unversioned copy of RE2, which would interpose
# on the RE2 that gRPC uses.
include(${PROJECT_SOURCE_DIR}/cmake/versions.cmake)
if(NOT SDA_DEPS_DIR)
  if(DEFINED ENV{SDA_DEPS_DIR})
    set(SDA_DEPS_DIR $ENV{SDA_DEPS_DIR})
  else()
    set(SDA_DEPS_DIR $ENV{HOME}/.cache/sda/deps)
  endif()
endif()
set(SDA_DEPS_DIR ${SDA_DEPS_DIR} CACHE PATH "Where deploy/install-deps.sh put what Debian does not package")

set(_arrow_root ${SDA_DEPS_DIR}/arrow-${SDA_ARROW_VERSION}/pyarrow)
find_path(Arrow_INCLUDE_DIR arrow/api.h PATHS ${_arrow_root}/include NO_DEFAULT_PATH)
file(GLOB _arrow_lib ${_arrow_root}/libarrow.so.*)
file(GLOB _parquet_lib ${_arrow_root}/libparquet.so.*)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Arrow
  REQUIRED_VARS Arrow_INCLUDE_DIR _arrow_lib _parquet_lib
  REASON_FAILURE_MESSAGE "Arrow ${SDA_ARROW_VERSION} is not in ${_arrow_root}: run deploy/install-deps.sh")

foreach(_lib arrow parquet)
  if(NOT TARGET Arrow::${_lib})
    add_library(Arrow::${_lib} SHARED IMPORTED)
    set_target_properties(Arrow::${_lib} PROPERTIES
      IMPORTED_LOCATION ${_${_lib}_lib}
      INTERFACE_INCLUDE_DIRECTORIES ${Arrow_INCLUDE_DIR})
  endif()
endforeach()
set_target_properties(Arrow::parquet PROPERTIES INTERFACE_LINK_LIBRARIES Arrow::arrow)
