# Mixed models of statistics.json by lme4, stopped only at the top of the likelihood: bobyqa, penalised least squares to
# 1e-12, curvature by Richardson extrapolation (numDeriv). With lme4's defaults the same fits stop early.
# Run: Rscript tests/reference/lme4_exact.R > tests/reference/lme4_exact.json     (R 4.2.2, lme4 1.1-31, numDeriv)
suppressMessages({library(lme4); library(numDeriv); library(jsonlite)})
tight <- glmerControl(optimizer = "bobyqa", tolPwrss = 1e-12, check.conv.grad = .makeCC("ignore", tol = 1, relTol = NULL),
                      optCtrl = list(rhobeg = 0.02, rhoend = 1e-9, maxfun = 100000))
fit <- function(formula, data) {
  m <- suppressWarnings(glmer(formula, data, family = binomial, control = tight))
  at <- c(getME(m, "theta"), fixef(m))
  deviance <- suppressWarnings(update(m, devFunOnly = TRUE))
  curvature <- hessian(deviance, at, method.args = list(d = 1e-2, r = 4))
  list(fixef = unname(fixef(m)), se = sqrt(diag(2 * solve(curvature)))[-seq_along(getME(m, "theta"))],
       sd = unname(getME(m, "theta")), loglik = as.numeric(logLik(m)))
}
entries <- fromJSON("tests/reference/statistics.json", simplifyVector = FALSE)
d <- Filter(function(e) e$name == "duong_sim_dataset", entries)[[1]]$data
marks <- function(text) as.integer(strsplit(text, "")[[1]])
rows <- do.call(rbind, lapply(seq_along(d$items), function(k)
  data.frame(reader = k, item = unlist(d$items[[k]]), h = marks(d$human[[k]]), m = marks(d$clf[[k]]))))
people <- data.frame(y = rows$h, item = rows$item, reader = rows$reader, human = 1, agent = 0)
once <- rows[!duplicated(rows$item), ]
network <- data.frame(y = once$m, item = once$item, reader = 1, human = 0, agent = 1)
repeated <- data.frame(y = rows$m, item = rows$item, reader = rows$reader, human = 0, agent = 1)
dif <- data.frame(d = rows$m - rows$h, item = rows$item, reader = rows$reader)
lmm <- lmer(d ~ 1 + (1 | reader) + (1 | item), dif, control = lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10)))
cat(toJSON(list(
  cbpp = fit(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp),
  study = fit(y ~ agent + (1 | item) + (0 + human | reader), rbind(people, network)),
  repeated = fit(y ~ agent + (1 | item) + (1 | reader), rbind(people, repeated)),
  differences = list(se = sqrt(diag(as.matrix(vcov(lmm)))), variances = as.data.frame(VarCorr(lmm))$vcov)
), digits = 12, pretty = TRUE), "\n")
