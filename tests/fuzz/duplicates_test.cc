// Every changing call sent several times at once: one effect, one reply.
#include <thread>
#include <vector>

#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include "tests/fuzz/request_world.h"

namespace sda::fuzz {
namespace {

constexpr int kTwins = 4;

// RenewLease changes nothing that is stored and is repeated as it is.
std::vector<std::string> ChangingRequests() {
  std::vector<std::string> types;
  for (const std::string& type : RequestWorld::RequestTypes()) {
    if (RequestWorld::NewRequest(type)->GetDescriptor()->FindFieldByName("request_id") != nullptr)
      types.push_back(type);
  }
  return types;
}

class DuplicatesTest : public ::testing::TestWithParam<std::string> {};

TEST_P(DuplicatesTest, TwinsHaveOneEffectAndOneReply) {
  RequestWorld world;
  const auto request = world.Sample(GetParam());
  const std::string before = world.Snapshot();
  std::vector<absl::StatusOr<std::string>> replies(kTwins, absl::UnknownError(""));
  std::vector<std::thread> twins;
  for (int i = 0; i < kTwins; ++i) twins.emplace_back([&, i] { replies[i] = world.CallForReply(*request); });
  for (std::thread& twin : twins) twin.join();
  const std::string after = world.Snapshot();
  EXPECT_NE(after == before, true) << "no effect at all";
  for (const auto& reply : replies) {
    ASSERT_TRUE(reply.ok()) << reply.status();
    EXPECT_EQ(*reply == *replies[0], true) << "answered in two ways";
  }
  // Once more, much later: the first reply, and nothing changes.
  const auto again = world.CallForReply(*request);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(*again == *replies[0], true);
  EXPECT_EQ(world.Snapshot() == after, true) << "a second effect";
  // The same id with something else is refused. Every changing request is about something that has a name.
  const auto other = world.Sample(GetParam());
  const auto* id = other->GetDescriptor()->FindFieldByName("request_id");
  other->GetReflection()->SetString(other.get(), id, request->GetReflection()->GetString(*request, id));
  const std::string last = world.Snapshot();
  const absl::Status reused = world.Call(*other);
  EXPECT_EQ(reused.code(), absl::StatusCode::kAlreadyExists) << reused;
  EXPECT_EQ(world.Snapshot() == last, true);
}

INSTANTIATE_TEST_SUITE_P(AllChangingCalls, DuplicatesTest, ::testing::ValuesIn(ChangingRequests()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace sda::fuzz
