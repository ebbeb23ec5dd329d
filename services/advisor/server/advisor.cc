#include "services/advisor/server/advisor.h"

#include <grpcpp/impl/codegen/service_type.h>

#include "common/base/status_macros.h"
#include "services/advisor/server/run_engine.h"
#include "services/advisor/server/run_store.h"

namespace sda::advisor {

// In the order of their needs: each uses those before it.
struct Advisor::Parts {
  Parts(const AdvisorOptions& options, std::unique_ptr<sql::Database> opened,
        std::unique_ptr<Peers> connected, rpc::CallEnvironment& calls, Clock& clock)
      : database(std::move(opened)),
        peers(std::move(connected)),
        folders(options.artefacts),
        store(*database, feed, clock),
        engine({.store = store,
                .feed = feed,
                .peers = *peers,
                .folders = folders,
                .clock = clock,
                .retry_budget = options.retry_budget},
               options.run_threads),
        recipes(*database, *peers, clock),
        runs(*database, feed, engine, *peers, clock),
        models(*database, folders, clock),
        service(MakeAdvisorService(recipes, runs, models, calls)) {}

  std::unique_ptr<sql::Database> database;
  std::unique_ptr<Peers> peers;
  ModelFolders folders;
  RunFeed feed;
  RunStore store;
  RunEngine engine;
  RecipeCalls recipes;
  RunCalls runs;
  ModelCalls models;
  std::unique_ptr<grpc::Service> service;
};

absl::StatusOr<std::unique_ptr<Advisor>> Advisor::Create(const AdvisorOptions& options,
                                                         std::unique_ptr<Peers> peers,
                                                         rpc::CallEnvironment& calls, Clock& clock) {
  SDA_ASSIGN_OR_RETURN(std::unique_ptr<sql::Database> database, OpenDatabase(options.database));
  auto parts = std::make_unique<Parts>(options, std::move(database), std::move(peers), calls, clock);
  return std::unique_ptr<Advisor>(new Advisor(std::move(parts)));
}

Advisor::Advisor(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Advisor::~Advisor() {
  Stop();
}

grpc::Service& Advisor::grpc_service() {
  return *parts_->service;
}

absl::Status Advisor::Start() {
  return parts_->engine.Start();
}

void Advisor::Stop() {
  parts_->engine.Stop();
}

absl::Status Advisor::CheckReady() {
  return parts_->store.Unfinished().status();
}

}  // namespace sda::advisor
