#ifndef SDA_SERVICES_ADVISOR_SERVER_PEERS_H_
#define SDA_SERVICES_ADVISOR_SERVER_PEERS_H_

#include <memory>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <grpcpp/channel.h>

#include "common/rpc/connection.h"
#include "sda/optimizer/v1/optimizer_service.grpc.pb.h"
#include "sda/preprocessing/v1/preprocessing_service.grpc.pb.h"
#include "sda/trainer/v1/trainer_service.grpc.pb.h"

namespace sda::advisor {

// One other service as the advisor calls it. Thread-safe.
template <class Service>
struct Peer {
  Peer(std::string name, std::shared_ptr<rpc::Connection> connection)
      : name(std::move(name)),
        connection(std::move(connection)),
        stub(Service::NewStub(this->connection->channel())) {}

  // "optimizer at 127.0.0.1:7001".
  std::string Description() const { return name + " at " + connection->address(); }

  const std::string name;
  const std::shared_ptr<rpc::Connection> connection;
  const std::unique_ptr<typename Service::Stub> stub;
};

using OptimizerPeer = Peer<optimizer::v1::OptimizerService>;
using PreprocessingPeer = Peer<preprocessing::v1::PreprocessingService>;
using TrainerPeer = Peer<trainer::v1::TrainerService>;

struct PeerAddresses {
  std::string optimizer;
  std::string preprocessing;
  std::vector<std::string> trainers;  // at least one
};

// The services that runs are carried through. None needs to be there when this is made.
struct Peers {
  static absl::StatusOr<std::unique_ptr<Peers>> Open(const PeerAddresses& addresses,
                                                     const rpc::ClientConfig& config);

  std::unique_ptr<OptimizerPeer> optimizer;
  std::unique_ptr<PreprocessingPeer> preprocessing;
  std::vector<std::unique_ptr<TrainerPeer>> trainers;  // tried in turn
};

}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_SERVER_PEERS_H_
