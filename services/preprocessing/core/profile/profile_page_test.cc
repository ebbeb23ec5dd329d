#include "services/preprocessing/core/profile/profile_page.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/preprocessing/core/profile/profile_data.h"
#include "services/preprocessing/core/profile/svg_charts.h"
#include "services/preprocessing/core/testing.h"

namespace sda::preprocessing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Void elements aside, every element that is opened must be closed in turn.
void ExpectWellFormed(const std::string& html) {
  std::vector<std::string> open;
  for (size_t at = html.find('<'); at != std::string::npos; at = html.find('<', at + 1)) {
    const size_t end = html.find('>', at);
    ASSERT_NE(end, std::string::npos);
    const std::string tag = html.substr(at + 1, end - at - 1);
    const std::string name =
        tag.substr(tag.front() == '/' ? 1 : 0, tag.find_first_of(" \n", 1) - (tag.front() == '/' ? 1 : 0));
    if (name == "!DOCTYPE" || name == "meta" || tag.back() == '/') continue;
    if (tag.front() != '/') {
      open.push_back(name);
    } else {
      ASSERT_FALSE(open.empty()) << tag;
      ASSERT_EQ(open.back(), name) << html.substr(at > 200 ? at - 200 : 0, 260);
      open.pop_back();
    }
  }
  EXPECT_TRUE(open.empty());
}

TEST(ProfilePageTest, EscapesWhatComesFromFiles) {
  EXPECT_EQ(EscapeHtml("<b a=\"1\">&'x'</b>"), "&lt;b a=&quot;1&quot;&gt;&amp;&#39;x&#39;&lt;/b&gt;");
  EXPECT_EQ(EscapeHtml(std::string("a\0b\x01", 4)),
            "a\xef\xbf\xbd"
            "b\xef\xbf\xbd");
  EXPECT_EQ(EscapeHtml("caf\xe9"), "caf\xef\xbf\xbd");
  EXPECT_EQ(EscapeHtml("caf\xc3\xa9"), "caf\xc3\xa9");
}

TEST(ProfilePageTest, HoldsEverythingItShowsAndNothingThatRuns) {
  testing::TempFolder folder;
  std::string text = "click,<script>alert(1)</script>,a&b\n";
  for (int row = 0; row < 2000; ++row) {
    text += std::to_string(row % 3 == 0) + "," + std::to_string(row * row % 1237) +
            ".25,\"</td><img src=x onerror=" + std::to_string(row % 7) + ">\"\n";
  }
  ProfileSpec spec;
  spec.by_split = true;
  spec.data.label = "click";
  spec.data.data_uris = {folder.Write("log.csv", text)};
  const auto profile = ProfileData(spec, {.threads = 2});
  ASSERT_TRUE(profile.ok()) << profile.status();
  const std::string html = RenderProfilePage(*profile);
  ExpectWellFormed(html);
  for (const char* never : {"<script", "<img", "http:", "https:", "src=\"", "url(", "nan", "inf\""})
    EXPECT_THAT(html, Not(HasSubstr(never)));
  EXPECT_THAT(html, HasSubstr("&lt;script&gt;alert(1)&lt;/script&gt;"));
  EXPECT_THAT(html, HasSubstr("&lt;/td&gt;&lt;img src=x onerror=3&gt;"));
  EXPECT_THAT(html, HasSubstr("a&amp;b"));
  EXPECT_THAT(html, HasSubstr("<svg viewBox"));
  EXPECT_THAT(html, HasSubstr("label rate"));
  EXPECT_THAT(html, HasSubstr("What to look at"));
}

TEST(ProfilePageTest, AnEmptyProfileIsAPage) {
  ExpectWellFormed(RenderProfilePage(DataProfile()));
}

}  // namespace
}  // namespace sda::preprocessing
