#include "common/storage/artefact_store.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/error.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace sda {
namespace {

using testing::StatusIs;
using testing::TempDir;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ArtefactStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto store = ArtefactStore::Open(folder_ / "root");
    SDA_ASSERT_OK(store);
    store_ = *std::move(store);
  }

  // Every file below the root, hidden ones too.
  std::vector<std::string> AllFiles() const {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_ / "root")) {
      if (entry.is_regular_file()) files.push_back(entry.path().filename().string());
    }
    return files;
  }

  TempDir folder_;
  std::unique_ptr<ArtefactStore> store_;
};

TEST_F(ArtefactStoreTest, WhatIsWrittenIsRead) {
  const std::string bytes("a\0b\n", 4);
  SDA_ASSERT_OK(store_->Write("datasets/d/x.bin", bytes));
  EXPECT_EQ(*store_->Read("datasets/d/x.bin"), bytes);
  SDA_ASSERT_OK(store_->Write("datasets/d/x.bin", ""));
  EXPECT_EQ(*store_->Read("datasets/d/x.bin"), "");
  EXPECT_THAT(AllFiles(), ElementsAre("x.bin"));
  EXPECT_EQ(testing::ReadFile(store_->LocalPath("datasets/d/x.bin")), "");
}

TEST_F(ArtefactStoreTest, UrisAndPathsMeanTheSame) {
  SDA_ASSERT_OK(store_->Write("a/b", "c"));
  auto by_uri = ArtefactStore::Open("file://" + (folder_ / "root") + "/");
  SDA_ASSERT_OK(by_uri);
  EXPECT_TRUE((*by_uri)->is_local());
  EXPECT_EQ(*(*by_uri)->Read("a/b"), "c");
  EXPECT_THAT(ArtefactStore::Open("nonsense://x"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("nonsense")));
}

TEST_F(ArtefactStoreTest, ListsShowFilesOrFolders) {
  for (const char* path : {"d/b/f", "d/a/f", "d/file", "d/.hidden"}) SDA_ASSERT_OK(store_->Write(path, "x"));
  EXPECT_THAT(*store_->ListFolders("d"), ElementsAre("a", "b"));
  EXPECT_THAT(*store_->ListFiles("d"), ElementsAre("file"));
  EXPECT_THAT(*store_->ListFolders("none"), IsEmpty());
}

TEST_F(ArtefactStoreTest, RemovingTwiceIsOk) {
  SDA_ASSERT_OK(store_->Write("d/a/f", "x"));
  EXPECT_TRUE(*store_->Exists("d/a"));
  for (int i = 0; i < 2; ++i) SDA_EXPECT_OK(store_->Remove("d/a/f"));
  for (int i = 0; i < 2; ++i) SDA_EXPECT_OK(store_->RemoveFolder("d"));
  EXPECT_FALSE(*store_->Exists("d"));
}

TEST_F(ArtefactStoreTest, WhatIsMissingIsNamed) {
  const auto missing = store_->Read("d/none").status();
  EXPECT_THAT(missing, StatusIs(absl::StatusCode::kNotFound, "d/none: does not exist"));
  EXPECT_EQ(GetErrorReason(missing), "NO_SUCH_ARTEFACT");
}

TEST_F(ArtefactStoreTest, NoPathLeavesTheRoot) {
  for (const char* path : {"", "/etc/passwd", "..", "a/../../b", "a//b", "a/./b", "a/"}) {
    EXPECT_THAT(store_->Write(path, "x"), StatusIs(absl::StatusCode::kInvalidArgument)) << path;
    EXPECT_THAT(store_->Read(path), StatusIs(absl::StatusCode::kInvalidArgument)) << path;
    EXPECT_THAT(store_->RemoveFolder(path), StatusIs(absl::StatusCode::kInvalidArgument)) << path;
  }
}

TEST_F(ArtefactStoreTest, AFailedWriteLeavesNothing) {
  SDA_ASSERT_OK(store_->Write("d/f", "old"));
  SDA_ASSERT_OK(store_->Write("file", "x"));
  EXPECT_FALSE(store_->Write("file/below", "x").ok());  // a file is no folder
  EXPECT_EQ(*store_->Read("d/f"), "old");
  EXPECT_THAT(AllFiles(), ::testing::UnorderedElementsAre("f", "file"));
}

TEST_F(ArtefactStoreTest, ReadersSeeOneVersionOrTheOther) {
  const std::string a(200'000, 'a');
  const std::string b(200'000, 'b');
  SDA_ASSERT_OK(store_->Write("d/f", a));
  std::thread writer([&] {
    for (int i = 0; i < 30; ++i) SDA_EXPECT_OK(store_->Write("d/f", i % 2 == 0 ? b : a));
  });
  for (int i = 0; i < 200; ++i) {
    const auto read = store_->Read("d/f");
    SDA_ASSERT_OK(read);
    ASSERT_TRUE(*read == a || *read == b);
  }
  writer.join();
  EXPECT_THAT(AllFiles(), ElementsAre("f"));
}

}  // namespace
}  // namespace sda
