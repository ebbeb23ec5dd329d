#include "services/advisor/server/peers.h"

#include "common/base/error.h"
#include "common/base/status_macros.h"

namespace sda::advisor {
namespace {

template <class P>
absl::StatusOr<std::unique_ptr<P>> OpenPeer(const std::string& name, const std::string& address,
                                            const rpc::ClientConfig& config) {
  auto connection = rpc::Connection::Open(address, config);
  if (!connection.ok()) return Annotate(connection.status(), name);
  return std::make_unique<P>(name, *std::move(connection));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Peers>> Peers::Open(const PeerAddresses& addresses,
                                                   const rpc::ClientConfig& config) {
  auto peers = std::make_unique<Peers>();
  SDA_ASSIGN_OR_RETURN(peers->optimizer, OpenPeer<OptimizerPeer>("optimizer", addresses.optimizer, config));
  SDA_ASSIGN_OR_RETURN(peers->preprocessing,
                       OpenPeer<PreprocessingPeer>("preprocessing", addresses.preprocessing, config));
  for (const std::string& address : addresses.trainers) {
    SDA_ASSIGN_OR_RETURN(auto trainer, OpenPeer<TrainerPeer>("trainer", address, config));
    peers->trainers.push_back(std::move(trainer));
  }
  return peers;
}

}  // namespace sda::advisor
