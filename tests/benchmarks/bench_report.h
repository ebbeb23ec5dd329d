#ifndef SDA_TESTS_BENCHMARKS_BENCH_REPORT_H_
#define SDA_TESTS_BENCHMARKS_BENCH_REPORT_H_

#include <cstdint>
#include <string_view>

#include <nlohmann/json.hpp>

// What every area of sda-bench reports.
namespace sda::bench {

// {"area", "commit", "machine": {"cpu", "cores", "isa"}, "threads", "seconds"}, to be added to.
nlohmann::ordered_json BeginReport(std::string_view area, int threads, double seconds);

// Prints the report on standard output: one line of JSON, or one "key: value" a line.
void PrintReport(const nlohmann::ordered_json& report, bool as_json);

// Cores this process may use.
int UsableCores();

// The most memory this process held since it began or since ResetPeakMemory, in bytes.
int64_t PeakMemoryBytes();
void ResetPeakMemory();

}  // namespace sda::bench

#endif  // SDA_TESTS_BENCHMARKS_BENCH_REPORT_H_
