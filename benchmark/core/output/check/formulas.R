# ---- Formulas ----------------------------------------------------------------------------------------------------------

# Classes of the items, merged into one where a class holds a single item: its spread cannot be seen.
strata_of <- function(item, class) {
  pairs <- unique(data.frame(item, class))
  if (min(table(pairs$class)) < 2) rep(1, length(item)) else codes(class)
}
# Minus the (weighted) mean of the class.
centred <- function(y, class, weight) {
  class <- codes(class)
  y - (rowsum(weight * y, class) / rowsum(weight, class))[as.character(class), 1]
}
means_by <- function(y, owner, weight) tapply(weight * y, owner, sum) / tapply(weight, owner, sum)

# Variance of a sum of centred shares when readers and items are both samples (Cameron, Gelbach & Miller 2011):
#   V = V_R + V_I - V_RI, never below V_R or V_I
#   V_R  = R / (R - 1)     * sum over readers (sum of the reader's shares)^2
#   V_I  = n_k / (n_k - 1) * sum over items (sum of the item's shares)^2     n_k items of class k, K classes
#   V_RI = N / (N - 1)     * sum of squared shares
#   df = V^2 / (V_R^2 / (R - 1) + V_I^2 / (I - K))                            (Satterthwaite 1946)
two_way <- function(share, reader, item, class, means = 1) {
  n <- length(share)
  by_reader <- as.vector(rowsum(share, reader))
  by_item <- as.vector(rowsum(share, item))
  class <- class[match(sort(unique(item)), item)]
  n_k <- as.vector(table(class)[as.character(class)])
  df_r <- length(by_reader) - means
  df_i <- length(by_item) - length(unique(class))
  v_r <- if (df_r > 0) length(by_reader) / df_r * sum(by_reader^2) else 0
  v_i <- if (df_i > 0) sum(ifelse(n_k > 1, n_k / (n_k - 1), 1) * by_item^2) else 0
  v_ri <- if (n > 1) n / (n - 1) * sum(share^2) else 0
  v <- max(v_r + v_i - v_ri, v_r, v_i)
  parts <- (if (df_r > 0) v_r^2 / df_r else 0) + (if (df_i > 0) v_i^2 / df_i else 0)
  list(v = v, df = if (parts > 0) v^2 / parts else NA, v_r = v_r, v_i = v_i, v_ri = v_ri,
       readers = length(by_reader), items = length(by_item))
}

within_scale <- function(x) pmin(pmax(x, -1), 1)                       # no accuracy is 101 points above another

t_test <- function(estimate, se, df, confidence) {
  t <- estimate / se
  half <- qt(0.5 + confidence / 2, df) * se
  list(difference = estimate, se = se, df = df, t = t, p = 2 * pt(-abs(t), df),
       ci_low = within_scale(estimate - half), ci_high = within_scale(estimate + half))
}
untested <- function(estimate) list(difference = estimate, se = NA, df = NA, t = NA, p = NA, ci_low = NA, ci_high = NA)

two_way_test <- function(estimate, v, confidence) {
  known <- v$readers >= 2 && v$items >= 2 && v$v > 1e-24 && !is.na(v$df)
  test <- if (known) t_test(estimate, sqrt(v$v), v$df, confidence) else untested(estimate)
  parts <- if (known) v[c("v_r", "v_i", "v_ri")] else list(NA, NA, NA)
  c(test, setNames(parts, c("var_reader", "var_item", "var_both")), readers = v$readers, items = v$items)
}
two_way_mean <- function(y, rows, confidence) {
  class <- strata_of(rows$item, rows$truth)
  share <- rows$weight / sum(rows$weight)
  v <- two_way(share * centred(y, class, rows$weight), codes(rows$reader), codes(rows$item), class)
  two_way_test(sum(share * y), v, confidence)
}

# Components of one reading from products of two readings that share the reader only, the item only, or neither.
components <- function(y, reader, item, class) {
  e <- centred(y, strata_of(item, class), rep(1, length(y)))
  n <- length(e)
  pairs_r <- sum(table(reader)^2) - n
  pairs_i <- sum(table(item)^2) - n
  pairs_0 <- n^2 - n - pairs_r - pairs_i
  if (length(unique(reader)) < 2 || length(unique(item)) < 2 || min(pairs_r, pairs_i, pairs_0) <= 0) return(rep(NA, 3))
  s_r <- sum(rowsum(e, codes(reader))^2)
  s_i <- sum(rowsum(e, codes(item))^2)
  s <- sum(e^2)
  neither <- (sum(e)^2 - s_r - s_i + s) / pairs_0
  positive <- function(v) if (v > 1e-12 * s / n) v else 0             # negative, or rounding alone: 0
  var_r <- positive((s_r - s) / pairs_r - neither)
  var_i <- positive((s_i - s) / pairs_i - neither)
  sqrt(c(var_r, var_i, positive(s / n - neither - var_r - var_i)))
}

wilson <- function(x, n, confidence) {                                # Newcombe (1998), method 3
  z <- qnorm(0.5 + confidence / 2)
  p <- x / n
  middle <- (p + z^2 / (2 * n)) / (1 + z^2 / n)
  half <- z / (1 + z^2 / n) * sqrt(pmax(p * (1 - p), 0) / n + z^2 / (4 * n^2))
  cbind(ifelse(x <= 0, 0, pmax(0, middle - half)), ifelse(x >= n, 1, pmin(1, middle + half)))
}

# Wilson's interval at the effective sample size p (1 - p) / V, scaled for V's degrees of freedom (Korn & Graubard 1998).
share_interval <- function(y, rows, by_class, confidence) {
  n <- length(y)
  if (!n) return(c(NA, NA))
  share <- rows$weight / sum(rows$weight)
  p <- sum(share * y)
  if (length(unique(rows$reader)) == 1) return(wilson(p * n, n, confidence))
  effective <- min(length(unique(rows$item)), n)
  if (p > 0 && p < 1) {
    class <- if (by_class) strata_of(rows$item, rows$truth) else rep(1, n)
    v <- two_way(share * centred(y, class, rows$weight), codes(rows$reader), codes(rows$item), class)
    if (v$v > 1e-24 && !is.na(v$df))
      effective <- min(n, p * (1 - p) / v$v) * (qnorm(0.5 + confidence / 2) / qt(0.5 + confidence / 2, v$df))^2
  }
  wilson(p * effective, effective, confidence)
}

# Fisher's exact test of whole numbers k under every choice of signs: the distribution of the sum, number by number.
gcd <- function(a, b) if (b == 0) a else gcd(b, a %% b)
lcm_up_to <- function(x, most) Reduce(function(a, b) if (is.na(a) || a > most) NA else a / gcd(a, b) * b, unique(x))
# Weights as whole numbers of one common part; NA where it would have to be finer than a ten-thousandth.
whole_parts <- function(weight) {
  of_one <- function(w) which(abs(w * 1:10000 - round(w * 1:10000)) < 1e-7)[1]
  unit <- lcm_up_to(vapply(unique(weight), of_one, 0), 10000)
  if (is.na(unit) || unit > 10000) rep(NA, length(weight)) else round(weight * unit)
}
sign_flip <- function(k) {
  k <- k[k != 0]
  if (!length(k)) return(1)
  size <- abs(k) / Reduce(gcd, abs(k))
  total <- sum(size)
  if (total > 5e6 || total * length(size) > 3e8) return(NA)           # where the report leaves it out, too
  chance <- 1                                                         # of the sum of those with a plus sign: 0, 1, ...
  for (s in size) chance <- (c(chance, numeric(s)) + c(numeric(s), chance)) / 2
  observed <- abs(2 * sum(size[k > 0]) - total)
  min(1, sum(chance[abs(2 * (0:total) - total) >= observed]))
}

# P(T <= t) of the noncentral t: the normal probability averaged over s = sqrt(chi-square / df).
noncentral_t <- function(t, df, nc) {
  ends <- sqrt(c(qchisq(1e-18, df), qchisq(1e-18, df, lower.tail = FALSE)) / df)
  integrate(function(s) pnorm(t * s - nc) * dchisq(df * s^2, df) * 2 * df * s, ends[1], ends[2], rel.tol = 1e-11, subdivisions = 5000L)$value
}
noncentrality <- function(t, df, probability)
  uniroot(function(nc) noncentral_t(t, df, nc) - probability, t + c(-1, 1) * (8 + abs(t)), extendInt = "downX", tol = 1e-13)$root

# Everything about the differences d of n independent surveys or readers; k / grid are the same differences in whole numbers.
paired <- function(d, k, confidence) {
  n <- length(d)
  spread <- n >= 2 && sd(d) > 1e-12 * max(1, abs(mean(d)))
  tested <- if (spread) t_test(mean(d), sd(d) / sqrt(n), n - 1, confidence) else untested(mean(d))
  names(tested)[1] <- "mean_difference"
  tested$sd <- if (n < 2) NA else if (spread) sd(d) else 0
  if (n >= 2) tested$df <- n - 1
  dz <- tested$t / sqrt(n)
  bound <- function(probability) if (spread) noncentrality(tested$t, n - 1, probability) / sqrt(n) else NA
  r <- round(d, 9)                                                    # k / 28 is no binary number: equal shares must tie
  untied <- r[r != 0]
  zeros <- n - length(untied)
  exact <- if (length(untied) && length(untied) <= 300) sign_flip(2 * rank(abs(untied)) * sign(untied)) else NA
  small <- zeros == 0 && !anyDuplicated(abs(untied)) && n <= 50       # exact without ties and zeros, else normal
  walsh <- outer(r, r, "+")
  walsh <- sort(walsh[upper.tri(walsh, diag = TRUE)] / 2)             # Hollander & Wolfe (1999)
  place <- if (small) qsignrank(0.5 - confidence / 2, n) else
    floor(n * (n + 1) / 4 - qnorm(0.5 + confidence / 2) * sqrt(n * (n + 1) * (2 * n + 1) / 24))
  shift <- if (length(untied) && place >= 1) walsh[c(place, length(walsh) - place + 1)] else c(NA, NA)
  if (!anyNA(shift) && shift[1] == shift[2]) shift <- c(NA, NA)
  normal <- if (n >= 3 && n <= 5000 && diff(range(d)) > 1e-12 * max(1, abs(max(d)))) shapiro.test(d) else list(statistic = NA, p.value = NA)
  c(tested, list(
    n = n, cohens_dz = dz, dz_ci_low = bound(0.5 + confidence / 2), dz_ci_high = bound(0.5 - confidence / 2),
    hedges_g = dz * (1 - 3 / (4 * (n - 1) - 1)),
    wilcoxon_p = if (length(untied)) suppressWarnings(wilcox.test(untied, exact = small, correct = FALSE)$p.value) else NA,
    wilcoxon_exact_p = exact, zero_differences = zeros, hodges_lehmann = if (length(untied)) median(walsh) else NA,
    hl_ci_low = shift[1], hl_ci_high = shift[2], sign_flip_p = if (anyNA(k)) NA else sign_flip(k),
    shapiro_w = unname(normal$statistic), shapiro_p = normal$p.value,
    model_ahead = sum(d > 0), equal = sum(d == 0), readers_ahead = sum(d < 0)))
}

# Agreement of interchangeable raters from the table of counts items x categories (Fleiss 1971; Krippendorff 2011; Gwet 2008).
agreement <- function(counts, used = sum(colSums(counts) > 0)) {
  nothing <- c(fleiss = NA, fleiss_se = NA, alpha = NA, ac1 = NA, ac1_se = NA, observed = NA)
  n_u <- rowSums(counts)
  if (!nrow(counts) || max(n_u) < 2) return(nothing)
  shared <- n_u >= 2
  same <- ifelse(shared, (rowSums(counts^2) - n_u) / pmax(n_u * (n_u - 1), 1), 0)     # share of agreeing pairs of an item
  share <- counts / pmax(n_u, 1)
  prevalence <- colSums(share) / sum(n_u > 0)
  observed <- sum(same) / sum(shared)
  total <- colSums(counts[shared, , drop = FALSE])
  expected <- (sum(total)^2 - sum(total^2)) / (sum(total) - 1)
  disagreeing <- sum(((n_u^2 - rowSums(counts^2)) / (n_u - 1))[shared])
  of <- function(chance, own) {                                       # kappa = (observed - chance) / (1 - chance), and its error
    if (!is.finite(chance) || chance >= 1 - 1e-12) return(c(NA, NA))
    kappa <- (observed - chance) / (1 - chance)
    m <- nrow(counts)
    each <- (ifelse(shared, same, 0) - chance * shared) * m / sum(shared) / (1 - chance) - 2 * (1 - kappa) * (own - chance) / (1 - chance)
    c(kappa, if (m >= 2) sqrt(sum((each - kappa)^2) / (m * (m - 1))) else NA)
  }
  fleiss <- of(sum(prevalence^2), as.vector(share %*% prevalence))
  ac1 <- if (used > 1) of(sum(prevalence * (1 - prevalence)) / (used - 1), as.vector(share %*% (1 - prevalence)) / (used - 1)) else c(NA, NA)
  c(fleiss = fleiss[1], fleiss_se = fleiss[2], alpha = if (is.finite(expected) && expected > 0) 1 - disagreeing / expected else NA,
    ac1 = ac1[1], ac1_se = ac1[2], observed = observed)
}

p_adjusted <- function(p, method) {
  methods <- c(holm = "holm", hochberg = "hochberg", bh = "BH", by = "BY", none = "none")
  p.adjust(p, methods[[method]])
}

