#include <gmock/gmock.h>

#include "common/base/error.h"
#include "services/optimizer/server/deterministic.h"
#include "services/optimizer/server/engine_fixture.h"

namespace sda::optimizer {
namespace {

class EngineTransferTest : public EngineTest {
 protected:
  std::vector<v1::ExperimentRecord> Export(const std::string& id) {
    std::vector<v1::ExperimentRecord> records;
    v1::ExportExperimentRequest request;
    request.set_name("experiments/" + id);
    const absl::Status status = engine->ExportExperiment(request, [&](const auto& response) {
      records.push_back(response.record());
      return true;
    });
    EXPECT_TRUE(status.ok()) << status;
    return records;
  }

  absl::StatusOr<v1::ImportExperimentResponse> Import(const std::vector<v1::ExperimentRecord>& records,
                                                      const std::string& id,
                                                      const std::string& request_id = "import") {
    std::vector<v1::ImportExperimentRequest> requests;
    for (const auto& record : records) {
      auto& request = requests.emplace_back();
      if (requests.size() == 1) {
        request.set_request_id(request_id);
        request.set_experiment_id(id);
      }
      *request.mutable_record() = record;
    }
    return engine->ImportExperiment(requests);
  }

  // A search with everything: work, labels, checkpoints, a lost attempt, failures, an open trial.
  void MakeRich() {
    auto create = CreateRequest("a", 6, 3);
    auto& experiment = *create.mutable_experiment();
    experiment.mutable_work()->set_type_url("type.googleapis.com/some.Spec");
    experiment.mutable_work()->set_value(std::string("\0\xff bytes", 8));
    (*experiment.mutable_labels())["team"] = "ads";
    ASSERT_TRUE(engine->CreateExperiment(create).ok());
    const auto first = Acquire("1").lease();
    ASSERT_TRUE(Report(first, 10, 0.5, "c/10").ok());
    ASSERT_TRUE(Report(first, 20, 0.1 + 0.2).ok());
    clock.Advance(absl::Seconds(61));
    const auto again = Acquire("2").lease();
    ASSERT_TRUE(Report(again, 20, 1.0 / 3).ok());
    ASSERT_TRUE(Complete(again, 0.7, "c1").ok());
    v1::FailTrialRequest fail;
    fail.set_request_id("f");
    *fail.mutable_lease() = Acquire("3").lease();
    fail.set_cause(v1::FailTrialRequest::CAUSE_POINT);
    fail.set_reason("DIVERGED");
    ASSERT_TRUE(engine->FailTrial(fail).ok());
    const auto open = Acquire("4").lease();
    ASSERT_TRUE(Report(open, 5, 0.4, "c/5").ok());
    v1::AmendTrialRequest amend;
    amend.set_request_id("amend");
    amend.set_name(first.trial());
    amend.set_reason("r");
    (*amend.mutable_metrics())["auc"].set_value(0.71);
    ASSERT_TRUE(engine->AmendTrial(amend).ok());
  }

  // Equal but for the experiment's name and the time of the export.
  static std::string Normal(std::vector<v1::ExperimentRecord> records, const std::string& id) {
    std::string all;
    for (auto& record : records) {
      if (record.has_header()) record.mutable_header()->clear_export_time();
      std::string bytes = DeterministicBytes(record);
      const std::string name = "experiments/" + id;
      for (size_t at; (at = bytes.find(name)) != std::string::npos;)
        bytes.replace(at, name.size(), "experiments/?");
      all += bytes;
    }
    return all;
  }
};

TEST_F(EngineTransferTest, ARoundTripIsEqual) {
  MakeRich();
  v1::StopExperimentRequest stop;
  stop.set_request_id("stop");
  stop.set_name("experiments/a");
  ASSERT_TRUE(engine->StopExperiment(stop).ok());
  clock.Advance(absl::Seconds(61));
  ASSERT_TRUE(engine->Sweep().ok());
  const auto records = Export("a");
  EXPECT_EQ(records.size(), 1 + 1 + 3 + 4 + 1);
  const auto imported = Import(records, "z");
  ASSERT_TRUE(imported.ok()) << imported.status();
  EXPECT_EQ(imported->experiment().name(), "experiments/z");
  EXPECT_EQ(imported->experiment().state(), v1::Experiment::STATE_STOPPED);
  EXPECT_EQ(imported->experiment().work().value(), Get("a").work().value());
  EXPECT_EQ(Normal(Export("z"), "z"), Normal(records, "a"));
  Restart();
  EXPECT_EQ(Normal(Export("z"), "z"), Normal(records, "a")) << "also after a restart";
}

TEST_F(EngineTransferTest, ARunningSearchArrivesPausedAndGoesOnWhereItWas) {
  MakeRich();
  const auto imported = Import(Export("a"), "z");
  ASSERT_TRUE(imported.ok()) << imported.status();
  EXPECT_EQ(imported->experiment().state(), v1::Experiment::STATE_PAUSED);
  EXPECT_EQ(Acquire("z0", "z").outcome(), v1::AcquireTrialResponse::OUTCOME_WAIT);
  v1::ResumeExperimentRequest resume;
  resume.set_request_id("resume");
  resume.set_name("experiments/z");
  ASSERT_TRUE(engine->ResumeExperiment(resume).ok());
  const auto next = Acquire("z1", "z");
  EXPECT_EQ(next.trial().name(), "experiments/z/trials/3");
  EXPECT_EQ(next.resume_from().checkpoint_uri(), "c/5");
  EXPECT_EQ(next.lease().attempt(), 2);
  // Both suggest the same next point: data, seed and position are the same.
  ASSERT_TRUE(Complete(next.lease(), 0.4, "cz").ok());
  v1::Lease open;
  open.set_trial("experiments/a/trials/3");
  clock.Advance(absl::Seconds(61));
  ASSERT_TRUE(Complete(Acquire("5").lease(), 0.4, "ca").ok());
  EXPECT_EQ(Acquire("6").trial().assignments().at("rate").double_value(),
            Acquire("z2", "z").trial().assignments().at("rate").double_value());
}

TEST_F(EngineTransferTest, ATakenNameARepeatAndAForeignRequestIdAreToldApart) {
  MakeRich();
  const auto records = Export("a");
  EXPECT_EQ(GetErrorReason(Import(records, "").status()), "EXPERIMENT_EXISTS") << "its own name";
  const auto first = Import(records, "z", "i");
  ASSERT_TRUE(first.ok()) << first.status();
  const auto again = Import(records, "z", "i");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(DeterministicBytes(*first), DeterministicBytes(*again));
  EXPECT_EQ(GetErrorReason(Import(records, "y", "i").status()), "REQUEST_ID_REUSED");
  EXPECT_EQ(GetErrorReason(Import(records, "z", "j").status()), "EXPERIMENT_EXISTS");
}

TEST_F(EngineTransferTest, DamagedFilesAreRefusedWithTheRecordAndStoreNothing) {
  MakeRich();
  const auto good = Export("a");
  const auto refused = [&](const std::string& field,
                           const std::function<void(std::vector<v1::ExperimentRecord>&)>& harm) {
    auto records = good;
    harm(records);
    const absl::Status status = Import(records, "z").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << field << ": " << status;
    const auto detail = GetErrorDetail(status);
    ASSERT_TRUE(detail);
    EXPECT_EQ(detail->violations[0].field, field) << status;
  };
  refused("records", [](auto& r) { r.pop_back(); });
  refused("records[0]", [](auto& r) { r.erase(r.begin()); });
  refused("records[1]", [](auto& r) { r.erase(r.begin() + 1); });
  refused("records[2].measurement", [](auto& r) { r.erase(r.begin() + 2); });
  refused("records[2].trial.trial.name",
          [](auto& r) { r[2].mutable_trial()->mutable_trial()->set_name("experiments/a/trials/2"); });
  refused("records[8].footer", [](auto& r) { r.erase(r.begin() + 3); });
  refused("records[10]", [](auto& r) { r.push_back(r.back()); });
  refused("records[0].header.format_version", [](auto& r) { r[0].mutable_header()->set_format_version(2); });
  refused("records[1].experiment.experiment.observation_budget",
          [](auto& r) { r[1].mutable_experiment()->mutable_experiment()->set_observation_budget(0); });
  refused("records[1].experiment.experiment.observation_budget",
          [](auto& r) { r[1].mutable_experiment()->mutable_experiment()->set_observation_budget(2); });
  refused("records[2].trial.trial.assignments[rate]", [](auto& r) {
    (*r[2].mutable_trial()->mutable_trial()->mutable_assignments())["rate"].set_double_value(7);
  });
  refused("records[2].trial.trial.metrics[auc]",
          [](auto& r) { r[2].mutable_trial()->mutable_trial()->clear_metrics(); });
  refused("records[3].measurement.step", [](auto& r) { r[3].mutable_measurement()->set_step(-1); });
  refused("records[4]", [](auto& r) { r[4].Clear(); });
  v1::GetExperimentRequest get;
  get.set_name("experiments/z");
  EXPECT_EQ(engine->GetExperiment(get).status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(engine->ImportExperiment({}).ok());
}

TEST_F(EngineTransferTest, EarlierExperimentsMustExistAndInformTheFirstTrial) {
  auto bad = CreateRequest("b", 10, 1);
  bad.mutable_experiment()->add_prior_experiments("experiments/a");
  EXPECT_EQ(GetErrorDetail(engine->CreateExperiment(bad).status())->violations[0].field,
            "experiment.prior_experiments[0]");
  Create("a", 8, 1);
  double best_rate = 0;
  for (int i = 0; i < 8; ++i) {
    const auto acquired = Acquire("a" + std::to_string(i));
    const double rate = acquired.trial().assignments().at("rate").double_value();
    ASSERT_TRUE(Complete(acquired.lease(), i == 3 ? 0.9 : 0.1 * rate, "c" + std::to_string(i)).ok());
    if (i == 3) best_rate = rate;
  }
  auto create = CreateRequest("b", 10, 1);
  create.set_request_id("create-b2");
  create.mutable_experiment()->add_prior_experiments("experiments/a");
  create.mutable_experiment()->add_prior_experiments("experiments/a");
  EXPECT_EQ(GetErrorDetail(engine->CreateExperiment(create).status())->violations[0].field,
            "experiment.prior_experiments[1]")
      << "twice the same";
  create.mutable_experiment()->mutable_prior_experiments()->RemoveLast();
  ASSERT_TRUE(engine->CreateExperiment(create).ok());
  const auto first = Acquire("b1", "b").trial();
  EXPECT_EQ(first.explanation().source(), v1::Explanation::SOURCE_TRANSFER);
  EXPECT_EQ(first.assignments().at("rate").double_value(), best_rate);
  // What is deleted no longer counts, and nothing else breaks.
  v1::DeleteExperimentRequest remove;
  remove.set_request_id("d");
  remove.set_name("experiments/a");
  ASSERT_TRUE(engine->DeleteExperiment(remove).ok());
  v1::CancelTrialRequest cancel;
  cancel.set_request_id("x");
  cancel.set_name(first.name());
  ASSERT_TRUE(engine->CancelTrial(cancel).ok());
  EXPECT_EQ(Acquire("b2", "b").trial().explanation().source(), v1::Explanation::SOURCE_SOBOL);
}

}  // namespace
}  // namespace sda::optimizer
