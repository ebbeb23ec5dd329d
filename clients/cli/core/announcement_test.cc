#include "clients/cli/core/announcement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sda::cli {
namespace {

Announcement Example() {
  Announcement announcement;
  announcement.owner = "sda local";
  announcement.pid = 4711;
  announcement.artefacts = "/s/artefacts";
  for (const char* worker : {"worker-1", "worker-2"}) {
    Announcement::Child child;
    child.name = worker;
    child.service = "trainer";
    child.address = std::string("127.0.0.1:2000") + worker[7];
    child.pid = 4712;
    announcement.children.push_back(child);
  }
  return announcement;
}

TEST(AnnouncementTest, ReadsBackWhatItWrote) {
  EXPECT_EQ(*AnnouncementFromJson(AnnouncementToJson(Example()), "local.json"), Example());
}

TEST(AnnouncementTest, FirstChildOfAServiceIsItsAddress) {
  EXPECT_EQ(Example().AddressOf("trainer"), "127.0.0.1:20001");
  EXPECT_EQ(Example().AddressOf("advisor"), "");
}

TEST(AnnouncementTest, AnythingElseIsRefusedWithItsPath) {
  for (const char* bad :
       {"", "{", "[]", "{}", R"({"owner": 1, "pid": 1, "artefacts": "", "children": {}})"}) {
    const auto announcement = AnnouncementFromJson(bad, "/s/local.json");
    ASSERT_FALSE(announcement.ok()) << bad;
    EXPECT_THAT(std::string(announcement.status().message()), ::testing::HasSubstr("/s/local.json: is not"));
  }
}

}  // namespace
}  // namespace sda::cli
