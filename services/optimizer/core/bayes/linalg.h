#ifndef SDA_SERVICES_OPTIMIZER_CORE_BAYES_LINALG_H_
#define SDA_SERVICES_OPTIMIZER_CORE_BAYES_LINALG_H_

#include <cstddef>
#include <span>
#include <vector>

namespace sda::optimizer::bayes {

// A dense row-major matrix. Growing keeps the storage, so that one serves many factorisations.
class Matrix {
 public:
  Matrix() = default;
  Matrix(size_t rows, size_t columns) { Resize(rows, columns); }

  // Contents are unspecified afterwards.
  void Resize(size_t rows, size_t columns) {
    rows_ = rows;
    columns_ = columns;
    if (data_.size() < rows * columns) data_.resize(rows * columns);
  }
  void Fill(double value) { data_.assign(data_.size(), value); }

  size_t rows() const { return rows_; }
  size_t columns() const { return columns_; }
  size_t ld() const { return columns_; }
  double* row(size_t i) { return data_.data() + i * columns_; }
  const double* row(size_t i) const { return data_.data() + i * columns_; }
  double& operator()(size_t i, size_t j) { return data_[i * columns_ + j]; }
  double operator()(size_t i, size_t j) const { return data_[i * columns_ + j]; }

 private:
  size_t rows_ = 0, columns_ = 0;
  std::vector<double> data_;
};

// The Cholesky factor L of a symmetric matrix of which the lower triangle is given, in its place; A = L·Lᵀ.
// False, with the matrix destroyed, where a pivot is not above 0 (or is NaN). Blocked, left-looking.
bool CholeskyInPlace(Matrix& a);

// Row j of `inverse` is column j of L⁻¹: entries i >= j are set, those before are 0. L is lower triangular.
void InvertTriangle(const Matrix& l, Matrix& inverse);

// Lower triangle, diagonal included, of (L·Lᵀ)⁻¹ from the output of InvertTriangle.
void InverseFromTriangle(const Matrix& inverse, Matrix& out);

// x := L⁻¹·x and x := L⁻ᵀ·x.
void SolveLower(const Matrix& l, std::span<double> x);
void SolveLowerTransposed(const Matrix& l, std::span<double> x);

}  // namespace sda::optimizer::bayes

#endif  // SDA_SERVICES_OPTIMIZER_CORE_BAYES_LINALG_H_
