#ifndef SDA_SERVICES_OPTIMIZER_CORE_BAYES_ROUND_H_
#define SDA_SERVICES_OPTIMIZER_CORE_BAYES_ROUND_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/numerics/rng.h"
#include "services/optimizer/core/bayes/acquisition.h"
#include "services/optimizer/core/bayes/bayesian_suggester.h"
#include "services/optimizer/core/bayes/belief.h"
#include "services/optimizer/core/bayes/expectation.h"
#include "services/optimizer/core/bayes/failure_model.h"
#include "services/optimizer/core/bayes/locality.h"
#include "services/optimizer/core/bayes/pace.h"
#include "services/optimizer/core/bayes/search.h"
#include "services/optimizer/core/bayes/study.h"

namespace sda::optimizer::bayes {

// One suggestion in the making: models are fitted, an acquisition is built of them, its best place is
// searched.
class Round {
 public:
  // Takes trials out of the study where there are too many for one model.
  Round(Study& study, const BayesianOptions& options, FitCache& cache, Pace& pace);

  // Nothing where no metric was ever measured, the deadline came before a model was there, or every good
  // place is taken.
  std::optional<Suggestion> Run();
  // Whether Run gave nothing because models would not have been ready before the deadline.
  bool cut() const { return cut_; }

 private:
  struct Valley {
    size_t trial = 0, position = 0;  // of the best, in the study; in the data of the objective
    double value = 0;                // of the best, as the model sees it
    double crowd = 0, in_vain = 0;   // other trials around that; those of them that are newer, or pending
  };
  // A place to look around, and the box of that.
  struct Niche {
    size_t trial = 0, position = 0;  // as above
    std::vector<double> low = {}, high = {};
  };

  bool OutOfTime() const;
  bool HasTimeForModels() const;
  // round_niche.cc
  bool LookElsewhere();
  double MedianValue() const;
  std::vector<Valley> Valleys() const;
  double Modelled(double value) const;
  const Valley* FindOther(const std::vector<Valley>& valleys, double spread, double gained);
  bool IsDoneWith(const Valley& valley, double gained);
  Niche NicheAround(const Valley& valley) const;
  Niche NicheAround(const Valley& valley, const std::vector<double>& half_widths) const;
  Niche LineThrough(const Valley& valley);
  double LocalLogGain(const Niche& around, double gained) const;
  bool IsSettled(const std::vector<Valley>& valleys, double gained) const;
  // round.cc
  bool SpansMagnitudes(size_t m) const;
  MetricFit FitOf(size_t m);
  void FitCost();
  bool Stagnates() const;
  bool IsNoisy() const;
  void Localize();
  void BuildModels();
  std::vector<double> Draws(size_t m, size_t count) const;
  // round_acquisition.cc
  void BuildAcquisition();
  double Believed(size_t m, size_t position, size_t f) const;
  std::vector<Objectives> Achieved(size_t f) const;
  Objectives ReferencePoint() const;
  std::vector<Place> Anchors() const;
  // round_search.cc
  Scorer MakeScorer() const;
  std::optional<Suggestion> Search();
  bool NearPending(const Place& place) const;
  void Explain(const Scorer& scorer, const Place& place, Suggestion& suggestion) const;
  std::string Notes() const;

  Study& study_;
  const BayesianOptions& options_;
  FitCache& cache_;
  Pace& pace_;
  const uint64_t seed_;
  Rng rng_;
  const Belief belief_;
  std::vector<MetricData> data_;
  std::vector<MetricFit> fits_;
  // By model; what is expected at the points of its data and, after them, of the pending trials stands in
  // `expected_`. Both empty where nothing is.
  std::vector<std::unique_ptr<Expectation>> expectations_;
  std::vector<std::vector<double>> expected_;
  std::optional<FailureModel> failures_;
  std::optional<MetricFit> cost_fit_;
  MetricData cost_data_;
  std::optional<Locality> locality_;
  std::optional<Niche> niche_, box_;
  std::optional<size_t> aim_;  // the only objective of this suggestion, of several
  bool noisy_ = false;         // values of a lone objective, as all models of it see them
  bool cut_ = false;
  size_t trials_ = 0;  // finished, before any were left out
  std::vector<Gp> models_;
  size_t fantasies_ = 1;
  double least_gain_ = 0;  // improvements below count nothing, in units of the model
  double margin_ = 0;
  Acquisition acquisition_;
};

}  // namespace sda::optimizer::bayes

#endif  // SDA_SERVICES_OPTIMIZER_CORE_BAYES_ROUND_H_
