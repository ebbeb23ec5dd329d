#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_DATA_ROW_ORDER_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_DATA_ROW_ORDER_H_

#include <cstdint>
#include <span>
#include <vector>

namespace sda::trainer {

// The order of a split's rows in each epoch, made from seed and epoch alone, so that a resumed training finds
// the same.
//
// Shuffling keeps close what is close on disk: the split, begun at a random row and taken as a ring, is cut
// into blocks of kBlockRows; the blocks are permuted; then all rows of kWindowBlocks consecutive blocks are
// permuted among themselves. Up to kBlockRows · kWindowBlocks rows that is a full shuffle, and beyond it a
// reader that maps files touches a few megabytes a column at a time. Memory does not grow with the rows but
// for four bytes a block. Not thread-safe.
class RowOrder {
 public:
  static constexpr int64_t kBlockRows = 1024;
  static constexpr int64_t kWindowBlocks = 64;

  // rows in [0, 2^32).
  RowOrder(int64_t rows, bool shuffle, uint64_t seed);

  // The rows at places [begin, end) of an epoch's order, 0 <= begin <= end <= rows. Valid until the next
  // call.
  std::span<const uint32_t> Take(int64_t epoch, int64_t begin, int64_t end);

  // Bytes that an order of so many rows holds.
  static int64_t Bytes(int64_t rows);

 private:
  void BeginEpoch(int64_t epoch);
  void LoadWindow(int64_t window);

  const int64_t rows_;
  const bool shuffle_;
  const uint64_t seed_;
  int64_t epoch_ = -1;
  int64_t start_ = 0;             // row where the ring begins
  std::vector<uint32_t> blocks_;  // in the epoch's order; a block that is not full stays last
  int64_t window_ = -1;
  std::vector<uint32_t> window_rows_, taken_;
};

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_DATA_ROW_ORDER_H_
