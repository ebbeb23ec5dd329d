#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_MODEL_TABLES_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_MODEL_TABLES_H_

#include <cstdint>
#include <vector>

#include "services/trainer_worker/core/data/batch.h"
#include "services/trainer_worker/core/kernels/embedding_bag.h"
#include "services/trainer_worker/core/model/model_spec.h"

namespace sda::trainer {

// Which row of a stored table an id of its column has.
enum class IdMap {
  kSame,      // row = id
  kModulo,    // row = id % divisor
  kQuotient,  // row = id / divisor
};

// One stored table. The plain model has one a column; a compressed column has two, a wide part one more of
// width 1 for every column.
struct Table {
  enum class Begin { kUniform, kAroundOne, kZero };  // initial values, see DlrmWeights::Initialize

  int64_t column = 0;  // whose ids it takes
  int64_t rows = 0;
  int64_t width = 0;
  int64_t begin = 0;      // first float in the buffer of all tables
  int64_t row_begin = 0;  // rows of the tables before it
  IdMap map = IdMap::kSame;
  int64_t divisor = 1;
  Begin initial = Begin::kUniform;
  // Where its bags go, within a sample's row of the features or, if `side`, of the side buffer.
  bool side = false;
  int64_t offset = 0;
};

// The vector of one categorical column among the features.
struct Feature {
  enum class Kind {
    kStored,     // its table's bag as it is (or two tables' bags side by side)
    kProjected,  // the bag of `table` by the matrix at `projection`
    kProduct,    // the bags of `table` and `table + 1`, element by element
    kSum,
  };

  Kind kind = Kind::kStored;
  int64_t table = 0;       // the first of its tables
  int64_t offset = 0;      // in a sample's row of the features
  int64_t width = 0;       // there
  int64_t projection = 0;  // kProjected: place of the matrix [width, table width] in the dense parameters
};

// Tables and features of a model, computed once from spec and inputs.
struct TablePlan {
  TablePlan(const ModelSpec& spec, const InputShape& inputs);

  std::vector<Table> tables;      // those of the features first, then those of the wide part
  std::vector<Feature> features;  // one a categorical column
  int64_t wide_begin = 0;         // index of the first table of the wide part; tables.size() without one
  int64_t dense_width = 0;        // of the dense columns' vector, which begins a row of the features
  int64_t feature_width = 0;      // floats of a sample's features
  int64_t side_width = 0;         // floats of what is stored beside them
  int64_t rows = 0;               // of all tables
  int64_t floats = 0;             // of all tables

 private:
  void AddTable(Table table);
};

// Memory for ids that are not a column's own. Used by one thread.
struct IdScratch {
  std::vector<int32_t> ids, offsets;
};

// The ids of samples [begin, end) as rows of the table; sample `begin` becomes sample 0. Views of the column
// or of `scratch`.
TableIds RowsOfSlice(const Table& table, const TableIds& column, int64_t begin, int64_t end,
                     IdScratch& scratch);

// Where a column is pooled by its mean: scales `width` floats of each sample, `stride` apart, by 1/size of
// its bag; an empty bag keeps its zeros.
void ScaleToMean(const TableIds& column, int64_t begin, int64_t end, int64_t width, float* values,
                 int64_t stride);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_MODEL_TABLES_H_
