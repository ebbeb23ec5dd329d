# Shorthands so that every CMakeLists.txt lists only names, sources and dependencies.
#
#   sda_library(NAME name SRCS … DEPS …)                 static library, include root = repository root
#   sda_binary(NAME name SRCS … DEPS …)                  program in build/<preset>/bin; target programs builds all
#   sda_test(NAME name SRCS … DEPS … [LABELS …] [TIMEOUT seconds] [ENV …] [SERIAL])
#                                                        GoogleTest program; label "unit" unless others are given.
#                                                        SERIAL: alone on the machine (implied by "integration").
#                                                        Target <label>-tests builds all programs of a label.
#   sda_under_sanitizer(name seconds)                    a registered test's time limit, and the environment that it
#                                                        and the programs it starts need, whatever the build
function(sda_library)
  cmake_parse_arguments(A "" "NAME" "SRCS;DEPS;PRIVATE_DEPS" ${ARGN})
  if(A_SRCS)
    add_library(${A_NAME} STATIC ${A_SRCS})
    target_include_directories(${A_NAME} PUBLIC ${PROJECT_SOURCE_DIR})
    target_link_libraries(${A_NAME} PUBLIC ${A_DEPS} PRIVATE ${A_PRIVATE_DEPS})
  else()
    add_library(${A_NAME} INTERFACE)
    target_include_directories(${A_NAME} INTERFACE ${PROJECT_SOURCE_DIR})
    target_link_libraries(${A_NAME} INTERFACE ${A_DEPS})
  endif()
endfunction()

function(sda_binary)
  cmake_parse_arguments(A "" "NAME" "SRCS;DEPS" ${ARGN})
  add_executable(${A_NAME} ${A_SRCS})
  target_include_directories(${A_NAME} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${A_NAME} PRIVATE ${A_DEPS})
  if(NOT TARGET programs)
    add_custom_target(programs)
  endif()
  add_dependencies(programs ${A_NAME})
endfunction()

# Instrumented code needs more time, and the thread sanitizer its options, which reach programs that a test starts
# only through the environment.
function(sda_under_sanitizer name seconds)
  set(patience 1)
  if(SDA_SANITIZER STREQUAL "thread")
    set(patience 4)
    # die_after_fork: Arrow starts a thread when it is loaded, and some tests fork a process that starts threads.
    set_property(TEST ${name} APPEND PROPERTY ENVIRONMENT
      "TSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/tsan.supp ignore_noninstrumented_modules=1 history_size=7 die_after_fork=0")
  elseif(SDA_SANITIZER)
    set(patience 2)
  endif()
  math(EXPR limit "${seconds} * ${patience}")
  set_property(TEST ${name} PROPERTY TIMEOUT ${limit})
endfunction()

function(sda_test)
  cmake_parse_arguments(A "SERIAL" "NAME;TIMEOUT" "SRCS;DEPS;LABELS;ENV" ${ARGN})
  if(NOT A_LABELS)
    set(A_LABELS unit)
  endif()
  if(NOT A_TIMEOUT)
    set(A_TIMEOUT 300)
  endif()
  add_executable(${A_NAME} ${A_SRCS})
  target_include_directories(${A_NAME} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${A_NAME} PRIVATE ${A_DEPS} GTest::gtest_main GTest::gmock)
  set_target_properties(${A_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  # One CTest entry a program; tests/run.sh counts the single tests from the XML reports.
  add_test(NAME ${A_NAME} COMMAND ${A_NAME} --gtest_output=xml:${CMAKE_BINARY_DIR}/test-reports/)
  set_tests_properties(${A_NAME} PROPERTIES LABELS "${A_LABELS}" ENVIRONMENT "${A_ENV}")
  sda_under_sanitizer(${A_NAME} ${A_TIMEOUT})
  if(A_SERIAL OR "integration" IN_LIST A_LABELS)
    set_tests_properties(${A_NAME} PROPERTIES RUN_SERIAL ON)
  endif()
  foreach(label ${A_LABELS})
    if(NOT TARGET ${label}-tests)
      add_custom_target(${label}-tests)
    endif()
    add_dependencies(${label}-tests ${A_NAME})
  endforeach()
endfunction()
