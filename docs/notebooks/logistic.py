# %% [markdown]
# # Logistic regression with a Hessian
#
# Is a tumour benign? scikit-learn ships measurements of 569. We fit a logistic regression by
# Newton's method, with the exact Hessian. Its inverse says how sure we are of each coefficient.

# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression

from tracejit import hessian, jit, value_and_grad

data = load_breast_cancer()
names = [str(name) for name in data.feature_names[:10]]
x = data.data[:, :10]
x = (x - x.mean(axis=0)) / x.std(axis=0)
y = data.target.astype(float)
x.shape, y.mean()

# %% [markdown]
# ## The loss
#
# `np.logaddexp(0, -m)` is the logarithm of `1 + exp(-m)`, without overflow. The weights have a
# prior, the intercept has none.


# %%
def loss(weights, x, y):
    margin = (2.0 * y - 1.0) * (x @ weights[1:] + weights[0])
    return np.logaddexp(0.0, -margin).sum() + 0.5 * np.sum(weights[1:] ** 2)


both = jit(value_and_grad(loss))
curvature = jit(hessian(loss))

# %% [markdown]
# ## Newton's method
#
# Near the end each step doubles the number of right digits.

# %%
weights = np.zeros(11)
norms = []
for _ in range(9):
    value, slope = both(weights, x, y)
    norms.append(np.linalg.norm(slope))
    weights -= np.linalg.solve(curvature(weights, x, y), slope)
assert norms[-1] < 1e-8

# %% [markdown]
# scikit-learn finds the same.

# %%
theirs = LogisticRegression(solver="newton-cholesky", tol=1e-10).fit(x, y)
np.testing.assert_allclose(weights[1:], theirs.coef_[0], rtol=1e-5, atol=1e-6)
np.testing.assert_allclose(weights[0], theirs.intercept_[0], rtol=1e-5)

# %% [markdown]
# ## How sure are we?
#
# The inverse of the Hessian is the covariance of the coefficients, near enough.

# %%
covariance = np.linalg.inv(curvature(weights, x, y))
sure = np.sqrt(np.diag(covariance))[1:]
assert np.all(sure > 0)

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.5))
left.semilogy(norms, "o-")
left.set(xlabel="step", ylabel="norm of the gradient")
right.errorbar(weights[1:], range(10), xerr=2 * sure, fmt="o")
right.set_yticks(range(10), names)
right.axvline(0, color="gray", linewidth=0.5)
right.set(xlabel="coefficient, with two standard errors")
figure.tight_layout()

# %% [markdown]
# `explain` says what the compiler made of the Hessian.

# %%
print(curvature.explain(weights, x, y).splitlines()[0])
