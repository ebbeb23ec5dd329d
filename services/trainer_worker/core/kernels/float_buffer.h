#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_FLOAT_BUFFER_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_FLOAT_BUFFER_H_

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <span>

namespace sda::trainer {

// A fixed number of floats on a 64-byte boundary (a cache line, a ZMM register), zero at first. Moves, does
// not copy by accident: CopyFrom is explicit.
class FloatBuffer {
 public:
  static constexpr std::align_val_t kAlignment{64};

  FloatBuffer() = default;
  explicit FloatBuffer(size_t size) : size_(size) {
    if (size == 0) return;
    data_.reset(static_cast<float*>(::operator new(size * sizeof(float), kAlignment)));
    std::memset(data_.get(), 0, size * sizeof(float));
  }

  float* data() { return data_.get(); }
  const float* data() const { return data_.get(); }
  size_t size() const { return size_; }
  size_t bytes() const { return size_ * sizeof(float); }
  float& operator[](size_t i) { return data_.get()[i]; }
  float operator[](size_t i) const { return data_.get()[i]; }
  std::span<float> span() { return {data_.get(), size_}; }
  std::span<const float> span() const { return {data_.get(), size_}; }

  // `other` must have the same size.
  void CopyFrom(const FloatBuffer& other) {
    if (size_ != 0) std::memcpy(data_.get(), other.data_.get(), bytes());
  }

 private:
  struct Free {
    void operator()(float* data) const { ::operator delete(data, kAlignment); }
  };
  std::unique_ptr<float, Free> data_;
  size_t size_ = 0;
};

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_FLOAT_BUFFER_H_
