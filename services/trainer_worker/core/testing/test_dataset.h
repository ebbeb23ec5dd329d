#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_TESTING_TEST_DATASET_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_TESTING_TEST_DATASET_H_

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/storage/dataset_manifest.h"

namespace sda::trainer::testing {

// A small encoded dataset with a planted rule: the logit of a row is a weighted sum of its dense values and
// of a hidden number of each of its ids.
struct TestDataset {
  int dense_columns = 3;
  std::vector<int64_t> table_rows = {12, 40};
  std::map<std::string, int64_t> split_rows = {{"train", 3000}, {"validation", 1000}, {"test", 1000}};
  int64_t shard_rows = 1200;
  uint64_t seed = 1;
  uint64_t rule_seed = 1;      // of the rule alone: rows of other seeds may follow the same
  bool random_labels = false;  // no rule: nothing can be learned
  // Tables whose rows have bags of one to four ids, the separator of their raw cells being "|".
  std::set<size_t> list_tables = {};

  // Vocabularies and the planted rule go by value from the last id to the first: the same value has another
  // id.
  bool reversed = false;

  // The value that an id of a table stands for, as a number; itself for the reserved ones.
  int64_t ValueOf(size_t table, int64_t id) const {
    return reversed && id >= 2 ? table_rows[table] + 1 - id : id;
  }

  // Rows have weights in (0, 2).
  bool weighted = false;
  // Changes one shard's weight, to break a rule; -1 leaves the row alone.
  int64_t bad_weight_row = -1;
  float bad_weight = 0;

  // Changes one shard's id of the first table (of a bag the last one), to break a rule; -1 leaves the row
  // alone.
  int64_t bad_id_row = -1;
  int32_t bad_id = 0;

  // Writes shards, vocabularies and manifest.json below `folder` (made if missing). Columns are called D1…,
  // C1…; the vocabulary of C<n> is "C<n>-2", "C<n>-3", … by id.
  DatasetManifest Write(const std::string& folder) const;
};

// A shard of these columns, the label's first, all of one length; folders are made if missing.
using ShardColumn = std::variant<std::vector<float>, std::vector<int32_t>>;
void WriteShard(const std::string& path, const std::vector<std::pair<std::string, ShardColumn>>& columns);

// Overwrites a shard by one with other columns (name and type "f" or "i") of `rows` zeros.
void WriteOddShard(const std::string& path, const std::vector<std::pair<std::string, char>>& columns,
                   int64_t rows);

}  // namespace sda::trainer::testing

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_TESTING_TEST_DATASET_H_
