#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_FLOAT_BUFFER_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_FLOAT_BUFFER_H_

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <span>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace sda::trainer {

// A fixed number of floats on a 64-byte boundary (a cache line, a ZMM register), zero at first. Large ones
// lie on huge pages where the system has them: random rows of a table would otherwise cost a page walk each.
// Moves, does not copy by accident: CopyFrom is explicit.
class FloatBuffer {
 public:
  static constexpr size_t kAlignment = 64;
  static constexpr size_t kHugePage = size_t{2} << 20;

  FloatBuffer() = default;
  explicit FloatBuffer(size_t size) : size_(size) {
    if (size == 0) return;
    const bool large = bytes() >= kHugePage;
    const size_t alignment = large ? kHugePage : kAlignment;
    const size_t rounded = (bytes() + alignment - 1) / alignment * alignment;
    void* const memory = std::aligned_alloc(alignment, rounded);
    if (memory == nullptr) throw std::bad_alloc();
#if defined(__linux__)
    if (large) madvise(memory, rounded, MADV_HUGEPAGE);  // advice: nothing depends on it
#endif
    data_.reset(static_cast<float*>(memory));
    std::memset(memory, 0, bytes());
  }

  float* data() {
    return data_.get();
  }
  const float* data() const {
    return data_.get();
  }
  size_t size() const {
    return size_;
  }
  size_t bytes() const {
    return size_ * sizeof(float);
  }
  float& operator[](size_t i) {
    return data_.get()[i];
  }
  float operator[](size_t i) const {
    return data_.get()[i];
  }
  std::span<float> span() {
    return {data_.get(), size_};
  }
  std::span<const float> span() const {
    return {data_.get(), size_};
  }

  // `other` must have the same size.
  void CopyFrom(const FloatBuffer& other) {
    if (size_ != 0) std::memcpy(data_.get(), other.data_.get(), bytes());
  }

 private:
  struct Free {
    void operator()(float* data) const { std::free(data); }
  };
  std::unique_ptr<float, Free> data_;
  size_t size_ = 0;
};

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_FLOAT_BUFFER_H_
