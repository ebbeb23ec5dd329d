#ifndef SDA_SERVICES_PREPROCESSING_CORE_HASHING_STREAM_H_
#define SDA_SERVICES_PREPROCESSING_CORE_HASHING_STREAM_H_

#include <cstdint>
#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <arrow/io/interfaces.h>
#include <arrow/result.h>
#include <arrow/status.h>

#include "common/base/sha256.h"
#include "common/storage/artefact_writer.h"

namespace sda::preprocessing {

// What Arrow writes goes on to an artefact, which must outlive this, hashed on the way.
class HashingStream final : public arrow::io::OutputStream {
 public:
  explicit HashingStream(ArtefactWriter& writer) : writer_(writer) { set_mode(arrow::io::FileMode::WRITE); }

  arrow::Status Write(const void* data, int64_t size) override {
    const std::string_view bytes(static_cast<const char*>(data), static_cast<size_t>(size));
    sha256_.Update(bytes);
    error_ = writer_.Write(bytes);
    position_ += size;
    return error_.ok() ? arrow::Status::OK() : arrow::Status::IOError("see error()");
  }
  using arrow::io::OutputStream::Write;

  arrow::Result<int64_t> Tell() const override { return position_; }
  arrow::Status Close() override {
    closed_ = true;
    return arrow::Status::OK();
  }
  bool closed() const override { return closed_; }

  const absl::Status& error() const { return error_; }
  std::string HexDigest() { return sha256_.HexDigest(); }

 private:
  ArtefactWriter& writer_;
  Sha256 sha256_;
  absl::Status error_;
  int64_t position_ = 0;
  bool closed_ = false;
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_HASHING_STREAM_H_
