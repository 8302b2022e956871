# The logistic mixed model of view, period, carry-over and place, by Laplace's approximation, written out in base R.
#
#   Rscript order_model.R > order_model.json
#
# Right answers ~ view x period + place + class + (1|item) + (1|reader), of the readings in order_readings.csv (simulated: 12 readers, half
# of them in either order, 24 images, one class in three). Nothing of the product: dense matrices, modes by Newton's method, the
# likelihood's top by optim from R's own glm, standard errors from its curvature there.

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
d <- read.csv(file.path(here, "order_readings.csv"))
view <- ifelse(d$view == "wide", 0.5, -0.5)
period <- d$block - 1.5
place <- (d$position - ave(d$position, d$reader, d$view)) / 10
y <- as.numeric(d$answer == d$truth)
x <- cbind(view, period, carry = 2 * view * period, place, model.matrix(~ 0 + truth, d))
z <- cbind(model.matrix(~ 0 + factor(item), d), model.matrix(~ 0 + factor(reader), d))
items <- length(unique(d$item))
readers <- length(unique(d$reader))

u <- rep(0, ncol(z))
minus_laplace <- function(theta) {
  sd <- rep(exp(theta[ncol(x) + 1:2]), c(items, readers))
  zs <- z * rep(sd, each = nrow(z))
  fixed <- as.vector(x %*% theta[1:ncol(x)])
  for (step in 1:60) {
    p <- plogis(fixed + as.vector(zs %*% u))
    h <- crossprod(zs * sqrt(p * (1 - p))) + diag(ncol(z))
    move <- solve(h, crossprod(zs, y - p) - u)
    u <<- as.vector(u + move)
    if (max(abs(move)) < 1e-11) break
  }
  eta <- fixed + as.vector(zs %*% u)
  p <- plogis(eta)
  h <- crossprod(zs * sqrt(p * (1 - p))) + diag(ncol(z))
  -(sum(y * eta + plogis(-eta, log.p = TRUE)) - sum(u^2) / 2 - as.numeric(determinant(h)$modulus) / 2)
}
slope <- function(theta) vapply(seq_along(theta), function(k) {              # central differences
  h <- replace(numeric(length(theta)), k, 1e-4)
  (minus_laplace(theta + h) - minus_laplace(theta - h)) / 2e-4
}, 0)
start <- c(glm.fit(x, y, family = binomial())$coefficients, log(c(0.6, 0.6)))
fit <- optim(start, minus_laplace, slope, method = "BFGS", control = list(reltol = 1e-14, maxit = 500))
hessian <- optimHess(fit$par, minus_laplace, slope)
se <- sqrt(diag(solve(hessian)))
tell <- function(x) paste0("[", paste(sprintf("%.8f", x), collapse = ", "), "]")
cat(sprintf('{"beta": %s,\n "se": %s,\n "sd_item_reader": %s,\n "log_likelihood": %.8f,\n "largest_slope": %.2e,\n "computed_by": "%s"}\n',
            tell(fit$par[1:4]), tell(se[1:4]), tell(exp(fit$par[ncol(x) + 1:2])), -fit$value, max(abs(slope(fit$par))), R.version.string))
