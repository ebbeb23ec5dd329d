#include "common/storage/artefact_store.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <arrow/result.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/base/sha256.h"
#include "common/storage/store_error.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace sda {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::StatusIs;
using testing::TempDir;

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
  EXPECT_THAT(ArtefactStore::Open("nonsense://x"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("nonsense")));
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

TEST_F(ArtefactStoreTest, PiecesArePublishedTogether) {
  auto writer = store_->Create("d/f");
  SDA_ASSERT_OK(writer);
  SDA_ASSERT_OK((*writer)->Write("one "));
  SDA_ASSERT_OK((*writer)->Write("two"));
  EXPECT_FALSE(*store_->Exists("d/f"));
  EXPECT_THAT(*store_->ListFiles("d"), IsEmpty());
  SDA_ASSERT_OK((*writer)->Publish());
  writer->reset();
  EXPECT_EQ(*store_->Read("d/f"), "one two");
  EXPECT_THAT(AllFiles(), ElementsAre("f"));
}

// Of a process that is killed, nobody removes what was begun.
TEST_F(ArtefactStoreTest, WhatAKilledProcessHadBegunIsRemoved) {
  for (const char* path : {"d/f", "d/a/b/f", "d/jobs/f", "d/.hidden", "other/f"})
    SDA_ASSERT_OK(store_->Write(path, "x"));
  for (const char* path :
       {"d/.f.7.0.partial", "d/a/b/.f.7.1.partial", "d/jobs/.f.7.2.partial", "other/.f.7.3.partial"})
    SDA_ASSERT_OK(store_->Write(path, "half"));
  for (int i = 0; i < 2; ++i) SDA_EXPECT_OK(store_->RemoveUnpublished("d", "jobs"));
  for (const char* path : {"d/.f.7.0.partial", "d/a/b/.f.7.1.partial"})
    EXPECT_FALSE(*store_->Exists(path)) << path;
  for (const char* path :
       {"d/f", "d/a/b/f", "d/jobs/f", "d/.hidden", "d/jobs/.f.7.2.partial", "other/.f.7.3.partial"})
    EXPECT_TRUE(*store_->Exists(path)) << path;
  SDA_EXPECT_OK(store_->RemoveUnpublished("none", "jobs"));
}

TEST_F(ArtefactStoreTest, WhatIsNotPublishedLeavesNoTrace) {
  {
    auto writer = store_->Create("d/f");
    SDA_ASSERT_OK(writer);
    SDA_ASSERT_OK((*writer)->Write("half"));
  }
  EXPECT_THAT(AllFiles(), IsEmpty());
}

TEST_F(ArtefactStoreTest, TwoWritersOfOneFileDoNotMeet) {
  auto first = store_->Create("f");
  auto second = store_->Create("f");
  SDA_ASSERT_OK(first);
  SDA_ASSERT_OK(second);
  SDA_ASSERT_OK((*first)->Write("first"));
  SDA_ASSERT_OK((*second)->Write("second"));
  SDA_ASSERT_OK((*second)->Publish());
  SDA_ASSERT_OK((*first)->Publish());
  EXPECT_EQ(*store_->Read("f"), "first");
}

TEST_F(ArtefactStoreTest, MappedFileStaysAsItWas) {
  SDA_ASSERT_OK(store_->Write("f", "old content"));
  auto input = store_->OpenInput("f");
  SDA_ASSERT_OK(input);
  EXPECT_TRUE((*input)->supports_zero_copy());
  SDA_ASSERT_OK(store_->Write("f", "new"));
  SDA_ASSERT_OK(store_->Remove("f"));
  EXPECT_EQ((*input)->ReadAt(0, 100).ValueOrDie()->ToString(), "old content");
  EXPECT_THAT(store_->OpenInput("f"), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(ArtefactStoreTest, SizeAndDigestOfFiles) {
  const std::string large(3'000'001, 'x');
  SDA_ASSERT_OK(store_->Write("large", large));
  SDA_ASSERT_OK(store_->Write("empty", ""));
  EXPECT_EQ(*store_->Size("large"), 3'000'001);
  EXPECT_EQ(*store_->Size("empty"), 0);
  EXPECT_EQ(*store_->Sha256Of("large"), Sha256Hex(large));
  EXPECT_EQ(*store_->Sha256Of("empty"), Sha256Hex(""));
  EXPECT_THAT(store_->Size("none"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(store_->Sha256Of("none"), StatusIs(absl::StatusCode::kNotFound));
  SDA_ASSERT_OK(store_->Write("d/f", "x"));
  EXPECT_THAT(store_->Size("d"), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("is a folder")));
}

TEST_F(ArtefactStoreTest, FilesAndFoldersAreRenamed) {
  SDA_ASSERT_OK(store_->Write("a/f", "x"));
  SDA_ASSERT_OK(store_->Rename("a", "b/c"));
  EXPECT_EQ(*store_->Read("b/c/f"), "x");
  EXPECT_FALSE(*store_->Exists("a"));
  SDA_ASSERT_OK(store_->Rename("b/c/f", "b/c/g"));
  EXPECT_EQ(*store_->Read("b/c/g"), "x");
  SDA_ASSERT_OK(store_->Write("d/f", "y"));
  const auto exists = store_->Rename("d", "b/c");
  EXPECT_THAT(exists, StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("b/c")));
  EXPECT_EQ(GetErrorReason(exists), "ARTEFACT_EXISTS");
  EXPECT_THAT(store_->Rename("none", "other"), StatusIs(absl::StatusCode::kNotFound, HasSubstr("none")));
  EXPECT_THAT(store_->Rename("../x", "other"), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(ArtefactStoreTest, FullDiskLeavesNothingHalfWritten) {
  const std::string disk = folder_ / "disk";
  std::filesystem::create_directory(disk);
  if (mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=256k") != 0)
    GTEST_SKIP() << "mounting a small disk is not permitted";
  {
    auto store = ArtefactStore::Open(disk + "/root");
    SDA_ASSERT_OK(store);
    SDA_EXPECT_OK((*store)->Write("d/f", "old"));
    const auto full = (*store)->Write("d/f", std::string(1 << 20, 'x'));
    EXPECT_THAT(full, StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("d/f: No space left")));
    EXPECT_EQ(GetErrorReason(full), "DISK_FULL");
    EXPECT_EQ(*(*store)->Read("d/f"), "old");
    int files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(disk + "/root/d"))
      files += entry.is_regular_file();
    EXPECT_EQ(files, 1);
  }
  EXPECT_EQ(umount(disk.c_str()), 0);
}

TEST(StoreErrorTest, FullDiskSaysSoAndWhatToDo) {
  const absl::Status full = StoreErrorFromErrno("datasets/d/x", ENOSPC);
  EXPECT_THAT(full, StatusIs(absl::StatusCode::kResourceExhausted,
                             HasSubstr("datasets/d/x: No space left on device; free")));
  EXPECT_EQ(GetErrorReason(full), "DISK_FULL");
}

TEST(StoreErrorTest, ForbiddenFoldersSaySo) {
  EXPECT_THAT(StoreErrorFromErrno("x", EACCES),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("must be allowed")));
}

// Answers every HTTP request on a port of loopback with one status line, as a store does that refuses
// everything.
class RefusingHttpServer {
 public:
  explicit RefusingHttpServer(std::string status_line)
      : answer_(std::move(status_line) + "\r\nContent-Length: 0\r\n\r\n") {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(listener_, 16), 0);
    EXPECT_EQ(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~RefusingHttpServer() {
    shutdown(listener_, SHUT_RDWR);  // accept() returns
    thread_.join();
    close(listener_);
  }

  int port() const { return port_; }

 private:
  void Serve() {
    for (int client = accept(listener_, nullptr, nullptr); client >= 0;
         client = accept(listener_, nullptr, nullptr)) {
      char request[4096];
      if (recv(client, request, sizeof(request), 0) > 0)
        send(client, answer_.data(), answer_.size(), MSG_NOSIGNAL);
      close(client);
    }
  }

  const std::string answer_;
  const int listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int port_ = 0;
  std::thread thread_;
};

// Loads Arrow's S3 library and talks to a store.
TEST(ObjectStoreTest, RefusalOfTheStoreIsNamed) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread starts
  setenv("AWS_ACCESS_KEY_ID", "test", 0);
  // NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread starts
  setenv("AWS_SECRET_ACCESS_KEY", "test", 0);
  // NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread starts
  setenv("AWS_EC2_METADATA_DISABLED", "true", 0);
  RefusingHttpServer server("HTTP/1.1 403 Forbidden");
  const std::string root = "s3://bucket/sda?scheme=http&region=us-east-1&endpoint_override=127.0.0.1:" +
                           std::to_string(server.port());
  EXPECT_THAT(ArtefactStore::Open(root),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("s3://bucket/sda")));
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
