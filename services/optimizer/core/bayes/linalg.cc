#include "services/optimizer/core/bayes/linalg.h"

#include <algorithm>
#include <cmath>

#include "services/optimizer/core/bayes/vector_math.h"

namespace sda::optimizer::bayes {
namespace {

// Rows of a block fit the first cache together with the panel they are multiplied with.
constexpr size_t kBlock = 32;

// The inverse of a block on the diagonal of L, row by row, with zeros above its diagonal: what solves with
// the block become products, which run at several times their speed.
class BlockInverse {
 public:
  // Of the rows and columns [begin, begin + size).
  BlockInverse(const Matrix& l, size_t begin, size_t size) : size_(size) {
    for (size_t j = 0; j < size; ++j) {
      double column[kBlock] = {};
      for (size_t i = j; i < size; ++i) {
        const double* const row = l.row(begin + i) + begin;
        double sum = i == j ? 1 : 0;
        for (size_t k = j; k < i; ++k) sum -= row[k] * column[k];
        column[i] = sum / row[i];
      }
      for (size_t i = 0; i < size; ++i) rows_[i * kBlock + j] = column[i];
    }
  }

  double operator()(size_t i, size_t j) const { return rows_[i * kBlock + j]; }

  // Solves L·x = row for each of `count` <= kBlock rows, `ld` apart, in place.
  void Solve(double* rows, size_t ld, size_t count) const {
    double before[kBlock * kBlock];
    for (size_t r = 0; r < count; ++r) {
      std::copy_n(rows + r * ld, size_, before + r * kBlock);
      std::fill_n(rows + r * ld, size_, 0.0);
    }
    AddProduct(1, before, kBlock, rows_, kBlock, rows, ld, count, size_, size_);
  }

 private:
  const size_t size_;
  double rows_[kBlock * kBlock];
};

}  // namespace

bool CholeskyInPlace(Matrix& a) {
  const size_t n = a.rows(), ld = a.ld();
  for (size_t begin = 0; begin < n; begin += kBlock) {
    const size_t end = std::min(begin + kBlock, n);
    // The block column below and at the diagonal, less what the columns before contribute.
    for (size_t i = begin; i < n; i += kBlock) {
      const size_t rows = std::min(i + kBlock, n) - i;
      if (begin > 0)
        AddProduct(-1, a.row(i), ld, a.row(begin), ld, a.row(i) + begin, ld, rows, end - begin, begin);
    }
    for (size_t j = begin; j < end; ++j) {
      double* const row = a.row(j);
      for (size_t k = begin; k < j; ++k) {
        row[k] = (row[k] - Dot(row + begin, a.row(k) + begin, k - begin)) / a(k, k);
      }
      const double pivot = row[j] - Dot(row + begin, row + begin, j - begin);
      if (!(pivot > 0) || !std::isfinite(pivot)) return false;
      row[j] = std::sqrt(pivot);
    }
    if (end == n) break;
    const BlockInverse inverse(a, begin, end - begin);
    for (size_t i = end; i < n; i += kBlock) inverse.Solve(a.row(i) + begin, ld, std::min(i + kBlock, n) - i);
  }
  return true;
}

void InvertTriangle(const Matrix& l, Matrix& inverse) {
  const size_t n = l.rows();
  inverse.Resize(n, n);
  for (size_t i = 0; i < n; ++i) std::fill_n(inverse.row(i), n, 0.0);
  for (size_t begin = 0; begin < n; begin += kBlock) {
    const size_t end = std::min(begin + kBlock, n);
    for (size_t first = 0; first < begin; first += kBlock) {
      // Columns first … of L⁻¹ have nothing above their diagonal.
      AddProduct(-1, inverse.row(first) + first, inverse.ld(), l.row(begin) + first, l.ld(),
                 inverse.row(first) + begin, inverse.ld(), kBlock, end - begin, begin - first);
    }
    const BlockInverse block(l, begin, end - begin);
    for (size_t first = 0; first < begin; first += kBlock)
      block.Solve(inverse.row(first) + begin, inverse.ld(), kBlock);
    for (size_t j = begin; j < end; ++j) {
      for (size_t i = j; i < end; ++i) inverse.row(j)[i] = block(i - begin, j - begin);
    }
  }
}

void InverseFromTriangle(const Matrix& inverse, Matrix& out) {
  const size_t n = inverse.rows(), ld = inverse.ld();
  out.Resize(n, n);
  for (size_t i = 0; i < n; i += kBlock) {
    const size_t rows = std::min(i + kBlock, n) - i;
    for (size_t r = i; r < i + rows; ++r) std::fill_n(out.row(r), std::min(i + kBlock, n), 0.0);
    for (size_t j = 0; j <= i; j += kBlock) {
      // Entries of row i before i are 0.
      AddProduct(1, inverse.row(i) + i, ld, inverse.row(j) + i, ld, out.row(i) + j, out.ld(), rows,
                 std::min(j + kBlock, n) - j, n - i);
    }
  }
}

void SolveLower(const Matrix& l, std::span<double> x) {
  for (size_t i = 0; i < x.size(); ++i) x[i] = (x[i] - Dot(l.row(i), x.data(), i)) / l(i, i);
}

void SolveLowerTransposed(const Matrix& l, std::span<double> x) {
  for (size_t i = x.size(); i-- > 0;) {
    x[i] /= l(i, i);
    AddScaled(-x[i], l.row(i), x.data(), i);
  }
}

}  // namespace sda::optimizer::bayes
