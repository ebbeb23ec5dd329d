#ifndef SDA_COMMON_TELEMETRY_METRICS_H_
#define SDA_COMMON_TELEMETRY_METRICS_H_

#include "common/telemetry/metric_types.h"

// Every metric of every service, declared once. To add one: declare it here and name it in All() below; the
// golden list tests/goldens/metrics.txt makes the change visible (common/telemetry/metrics_test says how to
// renew it). Labels take few, known values: never a resource name, never a user's text.
namespace sda::metrics {

// From 100 µs to a minute: a call answered from memory up to one that waits for work.
inline constexpr double kLatencyBuckets[] = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                             0.1,    0.25,    0.5,    1,     2.5,    5,     10,   30,    60};

// --- every service
// ---------------------------------------------------------------------------------------------
inline constexpr Gauge<2> kBuildInfo{
    "sda_build_info", "Always 1; the labels say what runs.", {"service", "version"}};
inline constexpr Gauge<1> kReady{
    "sda_ready", "1 while the gRPC service of the label is ready for calls, else 0.", {"service"}};
inline constexpr Counter<3> kRpcHandled{
    "sda_rpc_handled_total", "Calls that ended, by canonical code.", {"service", "method", "code"}};
inline constexpr Histogram<2> kRpcSeconds{"sda_rpc_seconds",
                                          "Time from a unary call's arrival to its answer.",
                                          {"service", "method"},
                                          kLatencyBuckets};
inline constexpr Gauge<2> kRpcInFlight{"sda_rpc_in_flight",
                                       "Calls that arrived and have no answer yet, streams included.",
                                       {"service", "method"}};
inline constexpr Counter<2> kStreamMessages{
    "sda_rpc_stream_messages_total", "Messages sent on server streams.", {"service", "method"}};

// --- trainer-worker
// --------------------------------------------------------------------------------------------
inline constexpr Gauge<0> kWorkerBusySlots{"sda_worker_busy_slots", "Slots that work on a trial."};
inline constexpr Counter<1> kWorkerAttempts{"sda_worker_attempts_total",
                                            "Attempts at trials that ended, by outcome: succeeded, stopped, "
                                            "infeasible, failed, released, lease_lost.",
                                            {"outcome"}};
inline constexpr Counter<0> kWorkerSamples{"sda_worker_samples_total",
                                           "Samples that trials were trained on."};
inline constexpr Counter<2> kWorkerTrainings{
    "sda_worker_trainings_total",
    "Trainings that began, by the precision of their matrix products and the instruction set of the kernels.",
    {"precision", "isa"}};
inline constexpr Counter<0> kWorkerModelsRemoved{
    "sda_worker_models_removed_total", "Models of trials that ended which were removed: not among the best."};
inline constexpr Counter<0> kPredictRows{"sda_predict_rows_total",
                                         "Rows that were scored for callers of Predict."};
// From a caller alone to a full batch.
inline constexpr double kBatchRowBuckets[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};
inline constexpr Histogram<0> kPredictBatchRows{
    "sda_predict_batch_rows", "Rows that were scored together for callers of Predict.", {}, kBatchRowBuckets};

// --- preprocessing
// ---------------------------------------------------------------------------------------------
inline constexpr Gauge<0> kPreprocessingRunningJobs{"sda_preprocessing_running_jobs",
                                                    "Jobs that make a dataset now."};
inline constexpr Counter<1> kPreprocessingJobs{"sda_preprocessing_jobs_total",
                                               "Jobs that ended, by outcome: succeeded, failed, cancelled.",
                                               {"outcome"}};
inline constexpr Counter<1> kPreprocessingRows{
    "sda_preprocessing_rows_total",
    "Rows of finished datasets, by split: train, validation, test.",
    {"split"}};

// --- advisor
// ---------------------------------------------------------------------------------------------------
inline constexpr Gauge<0> kAdvisorActiveRuns{"sda_advisor_active_runs",
                                             "Runs that are worked on or wait for a thread."};
inline constexpr Counter<1> kAdvisorRuns{
    "sda_advisor_runs_total", "Runs that ended, by outcome: succeeded, failed, cancelled.", {"outcome"}};

inline constexpr MetricDescription kAll[] = {
    Describe(kBuildInfo),         Describe(kReady),
    Describe(kRpcHandled),        Describe(kRpcSeconds),
    Describe(kRpcInFlight),       Describe(kStreamMessages),
    Describe(kWorkerBusySlots),   Describe(kWorkerAttempts),
    Describe(kWorkerSamples),     Describe(kPredictRows),
    Describe(kPredictBatchRows),  Describe(kWorkerModelsRemoved),
    Describe(kWorkerTrainings),   Describe(kPreprocessingRunningJobs),
    Describe(kPreprocessingJobs), Describe(kPreprocessingRows),
    Describe(kAdvisorActiveRuns), Describe(kAdvisorRuns),
};

}  // namespace sda::metrics

#endif  // SDA_COMMON_TELEMETRY_METRICS_H_
