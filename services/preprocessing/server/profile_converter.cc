#include "services/preprocessing/server/profile_converter.h"

#include "common/base/utf8.h"

namespace sda::preprocessing {
namespace {

// As the proto says.
constexpr size_t kMaxValueBytes = 256;

v1::ProfiledColumn::Kind KindToProto(ColumnKind kind) {
  switch (kind) {
    case ColumnKind::kNumber:
      return v1::ProfiledColumn::KIND_NUMBER;
    case ColumnKind::kCategory:
      return v1::ProfiledColumn::KIND_CATEGORY;
    case ColumnKind::kTime:
      return v1::ProfiledColumn::KIND_TIME;
    case ColumnKind::kLabel:
      return v1::ProfiledColumn::KIND_LABEL;
  }
  return v1::ProfiledColumn::KIND_UNSPECIFIED;
}

v1::ProfileWarning::Severity SeverityToProto(ProfileWarning::Severity severity) {
  switch (severity) {
    case ProfileWarning::Severity::kNotice:
      return v1::ProfileWarning::SEVERITY_NOTICE;
    case ProfileWarning::Severity::kWarning:
      return v1::ProfileWarning::SEVERITY_WARNING;
    case ProfileWarning::Severity::kError:
      return v1::ProfileWarning::SEVERITY_ERROR;
  }
  return v1::ProfileWarning::SEVERITY_UNSPECIFIED;
}

void BinToProto(const NumberBin& bin, v1::NumberBin& proto) {
  proto.set_lower(bin.lower);
  proto.set_upper(bin.upper);
  proto.set_rows_count(bin.rows);
  proto.set_positive_rows_count(bin.positives);
  proto.set_test_rows_count(bin.test_rows);
}

void NumberToProto(const NumberSummary& number, v1::NumberSummary& proto) {
  proto.set_min(number.min);
  proto.set_max(number.max);
  proto.set_mean(number.mean);
  proto.set_stddev(number.stddev);
  proto.set_skewness(number.skewness);
  proto.set_zero_rows_count(number.zeros);
  proto.set_negative_rows_count(number.negatives);
  for (const Quantile& quantile : number.quantiles) {
    v1::Quantile& added = *proto.add_quantiles();
    added.set_share(quantile.share);
    added.set_value(quantile.value);
  }
  proto.set_quantile_rank_error(number.quantile_rank_error);
  for (const NumberBin& bin : number.histogram) BinToProto(bin, *proto.add_histogram());
  proto.set_histogram_log(number.histogram_log);
  for (const NumberBin& bin : number.equal_bins) BinToProto(bin, *proto.add_equal_bins());
}

void LabelToProto(const LabelAssociation& label, v1::LabelAssociation& proto) {
  if (label.pearson) proto.set_pearson(*label.pearson);
  proto.set_mutual_information_nats(label.mutual_information_nats);
  proto.set_mutual_information_share(label.mutual_information_share);
  if (label.cramers_v) proto.set_cramers_v(*label.cramers_v);
  if (label.held_out_auc) proto.set_held_out_auc(*label.held_out_auc);
  if (label.rank_auc) proto.set_rank_auc(*label.rank_auc);
  proto.set_strongest_auc(label.strongest_auc());
  if (label.missing_positive_rate) proto.set_missing_positive_rate(*label.missing_positive_rate);
  if (label.present_positive_rate) proto.set_present_positive_rate(*label.present_positive_rate);
}

void DriftToProto(const ColumnDrift& drift, v1::ColumnDrift& proto) {
  if (drift.population_stability_index)
    proto.set_population_stability_index(*drift.population_stability_index);
  if (drift.kolmogorov_smirnov) proto.set_kolmogorov_smirnov(*drift.kolmogorov_smirnov);
  if (drift.unseen_share) proto.set_unseen_share(*drift.unseen_share);
}

}  // namespace

void ProfileHeadToProto(const DataProfile& profile, v1::DataProfile& proto) {
  proto.set_input_bytes(profile.input_bytes);
  proto.set_rows_count(profile.rows);
  proto.set_test_rows_count(profile.test_rows);
  proto.set_split(ToValidUtf8(profile.split));
  proto.set_label(ToValidUtf8(profile.label));
  proto.set_positive_rows_count(profile.positives);
  proto.set_test_positive_rows_count(profile.test_positives);
  if (profile.rows > 0)
    proto.set_positive_rate(static_cast<double>(profile.positives) / static_cast<double>(profile.rows));
}

void WarningToProto(const ProfileWarning& warning, v1::ProfileWarning& proto) {
  proto.set_severity(SeverityToProto(warning.severity));
  proto.set_code(warning.code);
  proto.set_column(ToValidUtf8(warning.column));
  proto.set_figure(warning.figure);
  proto.set_threshold(warning.threshold);
  proto.set_message(ToValidUtf8(warning.message));
  proto.set_suggestion(ToValidUtf8(warning.suggestion));
}

void ProfiledColumnToProto(const ProfiledColumn& column, v1::ProfiledColumn& proto) {
  proto.set_name(ToValidUtf8(column.name));
  proto.set_kind(KindToProto(column.kind));
  proto.set_reason(ToValidUtf8(column.reason));
  proto.set_missing_rows_count(column.missing_rows);
  proto.set_test_missing_rows_count(column.test_missing_rows);
  proto.set_invalid_rows_count(column.invalid_rows);
  proto.set_first_invalid(ToValidUtf8(column.first_invalid));
  proto.set_values_count(column.values);
  proto.set_distinct_count(column.distinct);
  proto.set_distinct_relative_error(column.distinct_relative_error);
  if (column.number) NumberToProto(*column.number, *proto.mutable_number());
  for (const TopValue& top : column.top_values) {
    v1::TopValue& added = *proto.add_top_values();
    added.set_value(TruncateUtf8(ToValidUtf8(top.value), kMaxValueBytes));
    added.set_rows_count(top.rows);
    added.set_positive_rows_count(top.positives);
    added.set_test_rows_count(top.test_rows);
  }
  proto.set_top_count_error(column.top_count_error);
  if (column.zipf_exponent) proto.set_zipf_exponent(*column.zipf_exponent);
  if (column.label) LabelToProto(*column.label, *proto.mutable_label());
  if (column.drift) DriftToProto(*column.drift, *proto.mutable_drift());
}

}  // namespace sda::preprocessing
