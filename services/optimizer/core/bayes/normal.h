#ifndef SDA_SERVICES_OPTIMIZER_CORE_BAYES_NORMAL_H_
#define SDA_SERVICES_OPTIMIZER_CORE_BAYES_NORMAL_H_

#include <span>

// Functions of the normal distribution that stay exact where the plain formulas underflow or cancel.
namespace sda::optimizer::bayes {

// e^(x²)·erfc(x), x >= 0.
double ScaledErfc(double x);

double NormalCdf(double z);
double LogNormalPdf(double z);
double LogNormalCdf(double z);

// The value below which a standard normal has the mass p, 0 < p < 1 (Wichura 1988, AS 241).
double NormalQuantile(double p);

// log h(z), h(z) = φ(z) + z·Φ(z): the logarithm of the expected improvement of a standard normal over −z
// (Ament et al. 2023). Finite for all finite z. h' = Φ.
double LogImprovement(double z);

// log(e^a − e^b) for a >= b; −infinity where they are equal. log(Σ e^x).
double LogDifference(double a, double b);
double LogSum(std::span<const double> terms);

}  // namespace sda::optimizer::bayes

#endif  // SDA_SERVICES_OPTIMIZER_CORE_BAYES_NORMAL_H_
