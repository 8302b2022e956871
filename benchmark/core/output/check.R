# An independent check of the results in base R: nothing but R 4 and its package stats.
#
#   Rscript check.R [readings.csv [predictions.csv]]
#
# It computes the results again from the raw answers, from the formulas below and by R's own functions, sets them beside
# the tables in tables/, and ends with "N quantities agree to 1e-8, M differ"; its exit status is 1 where any differs.
# From the tables it takes the rules of the plan (tables/plan.csv) and the numbers that it compares; no number of theirs
# enters a computation, with one exception that is said where it happens: p values of planned gains with a network's output.
# Without arguments it looks for readings.csv beside itself and in ../inputs/; predictions.csv is needed only where a
# network's answers are nowhere else.
#
# COVERED
#   which rows count   first showings only; a person's first answer, never the one given with a network's output in sight;
#                      complete sittings, the first of each seat, where the plan says so; missing answers wrong or left out
#   accuracy.csv       readers, items, readings, answered, correct, accuracy and its interval
#   reader_accuracy.csv   right answers of every reader, their share, Wilson's interval
#   paired.csv, paired_units.csv   differences per survey or reader; paired t-test, interval, d_z and its exact interval,
#                      Hedges' g, Wilcoxon's test, Hodges-Lehmann shift, exact sign-flip test, Shapiro-Wilk, adjusted p
#   new_images.csv     two-way (reader and item) variance, Satterthwaite's df, t, p, interval, components, adjusted p
#   equivalence.csv    two one-sided tests within the margin
#   networks.csv       difference and exact McNemar test
#   groups.csv, views.csv   two-way test, and Welch's or the paired t-test of the readers
#   confusion.csv      counts, row per cents, and their intervals
#   agreement.csv, category_agreement.csv   Fleiss' kappa, Krippendorff's alpha, Gwet's AC1, agreement, standard errors
# NOT COVERED
#   everything that is drawn at random (bootstrap intervals, max-T), mixed models, U-statistic, Obuchowski-Rockette,
#   assisted reading, calibration, times, order, teams, error consistency, AUC, the Rasch model. tests/reference and
#   docs/results/statistics.md of the program say what those are held to.

TOLERANCE <- 1e-8

# ---- Tables: every cell as text, exactly as it stands ------------------------------------------------------------------

read_table <- function(path) {
  found <- read.csv(path, colClasses = "character", na.strings = character(0), check.names = FALSE, encoding = "UTF-8",
                    comment.char = "")
  mark <- charToRaw(names(found)[1])                                  # some programs begin UTF-8 files with a mark
  if (identical(mark[1:3], as.raw(c(0xef, 0xbb, 0xbf)))) names(found)[1] <- gsub('"', "", rawToChar(mark[-(1:3)]))
  found[] <- lapply(found, trimws, whitespace = "[\\h\\v]")
  found[rowSums(found != "") > 0, , drop = FALSE]
}
numbers <- function(text) suppressWarnings(as.numeric(text))          # an empty cell is NA: not estimable
# Tables put an apostrophe before a name that a spreadsheet would take for a formula.
as_told <- function(name) ifelse(grepl("^[-=+@\t\r]", name), paste0("'", name), name)
codes <- function(x) match(x, unique(x))

instant <- function(text) {                                           # ISO 8601 to seconds since 1970, UTC
  pattern <- "^(\\d{4})-?(\\d\\d)-?(\\d\\d)(?:[T ](\\d\\d):?(\\d\\d)?(?::?(\\d\\d(?:[.,]\\d+)?))?)?(Z|[+-]\\d\\d:?(?:\\d\\d)?)?$"
  vapply(regmatches(text, regexec(pattern, text, perl = TRUE)), function(m) {
    if (!length(m)) return(NA_real_)
    part <- ifelse(m[5:7] == "", 0, numbers(sub(",", ".", m[5:7])))
    zone <- sub(":", "", m[8])
    shift <- if (zone %in% c("", "Z")) 0 else
      (if (substr(zone, 1, 1) == "-") -60 else 60) * (60 * numbers(substr(zone, 2, 3)) + max(0, numbers(substr(zone, 4, 5)), na.rm = TRUE))
    as.numeric(as.Date(paste(m[2:4], collapse = "-"))) * 86400 + sum(part * c(3600, 60, 1)) - shift
  }, 0)
}

# ---- Which rows count --------------------------------------------------------------------------------------------------

prepared <- function(readings, predictions, plan) {
  for (column in c("kind", "survey", "view", "showing", "completed_at"))
    if (!column %in% names(readings)) readings[[column]] <- rep("", nrow(readings))
  rows <- readings[readings$showing != "2", c("reader", "group", "kind", "survey", "view", "item", "truth", "answer", "completed_at")]
  rows$kind <- ifelse(rows$kind == "", "human", tolower(rows$kind))
  network <- rows$kind == "model"                                     # a network reads an image once, in however many surveys
  rows <- rows[!(network & duplicated(rows[c("kind", "reader", "item", "view")])), ]
  if (!is.null(predictions)) rows <- rbind(rows, answers_of(predictions, rows))
  if (plan$completion_threshold != "") rows <- complete_sittings(rows, plan)
  classes <- unique(c(rows$truth, rows$answer[rows$answer != ""]))
  if (plan$missing == "excluded") rows <- rows[rows$answer != "", ]
  rows$correct <- as.numeric(rows$answer == rows$truth)               # no answer counts as wrong
  list(rows = rows, classes = classes)
}

# The most probable class of a network's ensemble (or of its only member), the first column where two are equal.
answers_of <- function(predictions, rows) {
  columns <- grep("^p_", names(predictions), value = TRUE)
  ensemble <- predictions$member == "ensemble"
  key <- paste(predictions$model, predictions$view, sep = "\r")
  final <- ifelse(key %in% key[ensemble], ensemble, tapply(predictions$member, key, function(m) length(unique(m)))[key] == 1)
  known <- rows$kind == "model"
  final <- final & !key %in% paste(rows$reader, rows$view, sep = "\r")[known]
  shown <- predictions[final, ]
  if (!nrow(shown)) return(rows[0, ])
  p <- matrix(numbers(unlist(shown[columns])), nrow(shown))
  data.frame(reader = shown$model, group = shown$model, kind = "model", survey = "", view = shown$view, item = shown$item,
             truth = shown$truth, answer = sub("^p_", "", columns)[max.col(p, "first")], completed_at = "")
}

# A sitting is complete when answered / asked passes the threshold; a question is asked when anybody's sitting of the survey
# holds it. Where the plan says so the first complete sitting of each seat (survey and group) counts.
complete_sittings <- function(rows, plan) {
  sat <- rows$kind == "human" & rows$survey != ""
  if (!any(sat)) return(rows)
  own <- rows[sat, ]
  asked <- table(own$survey[!duplicated(own[c("survey", "item", "view")])])
  id <- paste(own$survey, own$reader, sep = "\r")
  sitting <- own[!duplicated(id), c("reader", "group", "survey")]
  sitting$id <- unique(id)
  sitting$answered <- tapply(own$answer != "", id, sum)[sitting$id]
  needed <- numbers(plan$completion_threshold) * as.vector(asked[sitting$survey])
  sitting <- sitting[if (plan$completion_comparison == ">") sitting$answered > needed else sitting$answered >= needed, ]
  if (plan$first_complete_per_seat == "True") {
    sitting$when <- tapply(instant(own$completed_at), id, function(x) if (all(is.na(x))) NA else max(x, na.rm = TRUE))[sitting$id]
    sitting <- sitting[order(sitting$when, sitting$reader, method = "radix"), ]
    sitting <- sitting[!duplicated(sitting[c("group", "survey")]), ]
  }
  rows[!sat | paste(rows$survey, rows$reader, sep = "\r") %in% sitting$id, ]
}

# ---- Formulas ----------------------------------------------------------------------------------------------------------

# Classes of the items, merged into one where a class holds a single item: its spread cannot be seen.
strata_of <- function(item, class) {
  pairs <- unique(data.frame(item, class))
  if (min(table(pairs$class)) < 2) rep(1, length(item)) else codes(class)
}
centred <- function(y, class) y - ave(y, class)

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
  list(v = v, df = if (parts > 0) v^2 / parts else NA, v_r = v_r, v_i = v_i, v_ri = v_ri, readers = length(by_reader), items = length(by_item))
}

within_scale <- function(x) pmin(pmax(x, -1), 1)                       # no accuracy is 101 points above another

t_test <- function(estimate, se, df, confidence) {
  t <- estimate / se
  half <- qt(0.5 + confidence / 2, df) * se
  list(difference = estimate, se = se, df = df, t = t, p = 2 * pt(-abs(t), df), ci_low = within_scale(estimate - half), ci_high = within_scale(estimate + half))
}
untested <- function(estimate) list(difference = estimate, se = NA, df = NA, t = NA, p = NA, ci_low = NA, ci_high = NA)

two_way_test <- function(estimate, v, confidence) {
  known <- v$readers >= 2 && v$items >= 2 && v$v > 1e-24 && !is.na(v$df)
  test <- if (known) t_test(estimate, sqrt(v$v), v$df, confidence) else untested(estimate)
  parts <- if (known) v[c("v_r", "v_i", "v_ri")] else list(NA, NA, NA)
  c(test, setNames(parts, c("var_reader", "var_item", "var_both")), readers = v$readers, items = v$items)
}
two_way_mean <- function(y, reader, item, class, confidence) {
  class <- strata_of(item, class)
  two_way_test(mean(y), two_way(centred(y, class) / length(y), codes(reader), codes(item), class), confidence)
}

# Components of one reading from products of two readings that share the reader only, the item only, or neither.
components <- function(y, reader, item, class) {
  e <- centred(y, strata_of(item, class))
  n <- length(e)
  pairs_r <- sum(table(reader)^2) - n
  pairs_i <- sum(table(item)^2) - n
  pairs_0 <- n^2 - n - pairs_r - pairs_i
  if (length(unique(reader)) < 2 || length(unique(item)) < 2 || min(pairs_r, pairs_i, pairs_0) <= 0) return(rep(NA, 3))
  s_r <- sum(rowsum(e, codes(reader))^2)
  s_i <- sum(rowsum(e, codes(item))^2)
  s <- sum(e^2)
  neither <- (sum(e)^2 - s_r - s_i + s) / pairs_0
  var_r <- max((s_r - s) / pairs_r - neither, 0)
  var_i <- max((s_i - s) / pairs_i - neither, 0)
  sqrt(c(var_r, var_i, max(s / n - neither - var_r - var_i, 0)))
}

wilson <- function(x, n, confidence) {                                # Newcombe (1998), method 3
  z <- qnorm(0.5 + confidence / 2)
  p <- x / n
  middle <- (p + z^2 / (2 * n)) / (1 + z^2 / n)
  half <- z / (1 + z^2 / n) * sqrt(pmax(p * (1 - p), 0) / n + z^2 / (4 * n^2))
  cbind(ifelse(x <= 0, 0, pmax(0, middle - half)), ifelse(x >= n, 1, pmin(1, middle + half)))
}

# Wilson's interval at the effective sample size p (1 - p) / V, scaled for V's degrees of freedom (Korn & Graubard 1998).
share_interval <- function(y, reader, item, class, confidence) {
  n <- length(y)
  p <- mean(y)
  if (length(unique(reader)) == 1) return(wilson(sum(y), n, confidence))
  effective <- min(length(unique(item)), n)
  if (p > 0 && p < 1) {
    class <- if (is.null(class)) rep(1, n) else strata_of(item, class)
    v <- two_way(centred(y, class) / n, codes(reader), codes(item), class)
    if (v$v > 1e-24 && !is.na(v$df))
      effective <- min(n, p * (1 - p) / v$v) * (qnorm(0.5 + confidence / 2) / qt(0.5 + confidence / 2, v$df))^2
  }
  wilson(p * effective, effective, confidence)
}

# Fisher's exact test of whole numbers k under every choice of signs: the distribution of the sum, number by number.
gcd <- function(a, b) if (b == 0) a else gcd(b, a %% b)
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
  place <- floor(n * (n + 1) / 4 - qnorm(0.5 + confidence / 2) * sqrt(n * (n + 1) * (2 * n + 1) / 24))
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
agreement <- function(counts) {
  nothing <- c(fleiss = NA, fleiss_se = NA, alpha = NA, ac1 = NA, ac1_se = NA, observed = NA)
  n_u <- rowSums(counts)
  if (!nrow(counts) || max(n_u) < 2) return(nothing)
  shared <- n_u >= 2
  same <- ifelse(shared, (rowSums(counts^2) - n_u) / pmax(n_u * (n_u - 1), 1), 0)     # share of agreeing pairs of an item
  share <- counts / pmax(n_u, 1)
  prevalence <- colSums(share) / sum(n_u > 0)
  used <- sum(colSums(counts) > 0)
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

# ---- Side by side ------------------------------------------------------------------------------------------------------

tally <- c(agree = 0, differ = 0)

# A p value must agree in its digits however small it is; elsewhere what is 0 but for rounding counts as 0.
agrees <- function(ours, theirs, name) {
  slack <- ifelse(grepl("(^| )p($| |_)|_p$", name), 0, 1e-12)
  (is.na(ours) & is.na(theirs)) | (!is.na(ours) & !is.na(theirs) &
    abs(ours - theirs) <= pmax(TOLERANCE * pmax(abs(ours), abs(theirs)), slack))
}
title <- function(...) cat("\n", paste0(...), "\n", sep = "")
told <- function(x) ifelse(is.na(x), "-", formatC(x, digits = 10, format = "g", width = 1))

# One line per quantity; a vector is one line that shows its largest difference, and each of its values counts.
beside <- function(name, ours, theirs) {
  if (length(ours) != length(theirs)) stop(name, ": ", length(ours), " values in the table, ", length(theirs), " in R.")
  good <- agrees(ours, theirs, name)
  tally[["agree"]] <<- tally[["agree"]] + sum(good)
  tally[["differ"]] <<- tally[["differ"]] + sum(!good)
  gap <- abs(ours - theirs)
  worst <- if (any(!good)) which(!good)[which.max(ifelse(is.na(gap[!good]), Inf, gap[!good]))] else if (any(!is.na(gap))) which.max(gap) else 1
  if (length(ours) > 1) name <- sprintf("%s (%d values, the farthest)", name, length(ours))
  cat(sprintf("  %-46s %18s %18s %10s%s\n", name, told(ours[worst]), told(theirs[worst]), told(signif(gap[worst], 2)),
              if (all(good)) "" else sprintf("  DIFFERS%s", if (length(ours) > 1) sprintf(" in %d", sum(!good)) else "")))
}
fields <- function(record, found) for (name in intersect(names(record), names(found))) beside(name, numbers(record[[name]]), as.numeric(found[[name]]))
not_here <- function(what, why) cat("\n", what, ": does not apply, ", why, ".\n", sep = "")

check <- function(folder, readings, predictions) {
  open <- function(name) {
    path <- file.path(folder, "tables", paste0(name, ".csv"))
    if (file.exists(path) && file.size(path) > 1) read_table(path) else NULL
  }
  told_plan <- open("plan")
  if (is.null(told_plan)) stop("tables/plan.csv is needed beside this file; it holds the rules of the analysis.")
  plan <- as.list(setNames(told_plan$value, told_plan$field)[told_plan$field != "contrast"])
  plan$contrasts <- told_plan[told_plan$field == "contrast", ]
  plan$confidence <- numbers(plan$confidence)
  found <- prepared(readings, predictions, plan)
  found$rows[c("group", "view", "item", "reader", "survey")] <- lapply(found$rows[c("group", "view", "item", "reader", "survey")], as_told)
  cat(sprintf("%-48s %18s %18s %10s\n", "quantity", "table", "R", "difference"))
  rows <- found$rows
  rows$who <- ifelse(rows$kind == "human", rows$group, rows$reader)
  inputs <- open("inputs")
  title("Rows of ", inputs$file[1], ", second showings included")
  beside("rows", numbers(inputs$rows[1]), nrow(readings))
  check_accuracy(open("accuracy"), open("reader_accuracy"), rows, plan)
  check_confusion(open("confusion"), rows, plan)
  check_comparisons(open, rows, plan)
  check_contrasts(open, rows, plan)
  check_agreement(open("agreement"), open("category_agreement"), rows, found$classes)
}

set_of <- function(record, rows) {
  who <- if (record$kind == "human") record$group else record$reader
  rows[rows$kind == record$kind & rows$who == who & rows$view == record$view, ]
}
named <- function(...) { x <- c(...); paste(x[x != ""], collapse = ", ") }
each <- function(table) lapply(seq_len(NROW(table)), function(i) as.list(table[i, ]))

check_accuracy <- function(table, readers, rows, plan) {
  title("accuracy.csv: groups and networks by view")
  beside("records", nrow(table), nrow(unique(rows[c("kind", "who", "view")])))
  for (record in each(table)) {
    own <- set_of(record, rows)
    title("Accuracy: ", named(record$group, record$reader, record$view))
    interval <- share_interval(own$correct, own$reader, own$item, own$truth, plan$confidence)
    fields(record, list(readers = length(unique(own$reader)), items = length(unique(own$item)), readings = nrow(own), answered = sum(own$answer != ""),
                        correct = sum(own$correct), accuracy = mean(own$correct), ci_low = interval[1], ci_high = interval[2]))
  }
  title("reader_accuracy.csv: every reader by view")
  key <- function(kind, reader, view) paste(kind, reader, view, sep = "\r")
  id <- key(rows$kind, rows$reader, rows$view)
  beside("records", nrow(readers), length(unique(id)))
  told_id <- key(readers$kind, readers$reader, readers$view)
  right <- as.vector(tapply(rows$correct, id, sum)[told_id])
  n <- as.vector(table(id)[told_id])
  interval <- wilson(right, n, plan$confidence)
  beside("correct", numbers(readers$correct), right)
  beside("accuracy", numbers(readers$accuracy), right / n)
  beside("ci_low", numbers(readers$ci_low), interval[, 1])
  beside("ci_high", numbers(readers$ci_high), interval[, 2])
}

check_confusion <- function(table, rows, plan) {
  for (record in each(unique(table[c("group", "kind", "reader", "view")]))) {
    own <- set_of(record, rows)
    cells <- table[table$group == record$group & table$reader == record$reader & table$view == record$view & table$kind == record$kind, ]
    answer <- ifelse(cells$answer == "no answer", "", cells$answer)
    truth_told <- as_told(own$truth)
    answer_told <- as_told(own$answer)
    count <- mapply(function(t, a) sum(truth_told == t & answer_told == a), cells$truth, answer)
    in_row <- as.vector(tapply(count, cells$truth, sum)[cells$truth])
    bounds <- mapply(function(t, a) {
      class <- own[truth_told == t, ]
      if (!nrow(class)) return(c(NA, NA))
      100 * share_interval(as.numeric(as_told(class$answer) == a), class$reader, class$item, NULL, plan$confidence)
    }, cells$truth, answer)
    title("Confusion: ", named(record$group, record$reader, record$view))
    beside("readings in the matrix", sum(numbers(cells$count)), nrow(own))
    beside("count", numbers(cells$count), count)
    beside("row_percent", numbers(cells$row_percent), ifelse(in_row > 0, 100 * count / in_row, NA))
    beside("ci_low", numbers(cells$ci_low), bounds[1, ])
    beside("ci_high", numbers(cells$ci_high), bounds[2, ])
  }
}

# People's readings of the items that a network read on the same view, with the network's mark beside.
matched <- function(record, rows) {
  network <- rows[rows$kind == "model" & rows$reader == record$model & rows$view == record$view, ]
  people <- rows[rows$kind == "human" & rows$group == record$group & rows$view == record$view, ]
  people$network <- network$correct[match(people$item, network$item)]
  people[!is.na(people$network), ]
}
# Independent units: surveys, or readers where a row has no survey, all read one survey, or most readers read several.
unit_of <- function(people, planned) {
  if (planned == "reader" || any(people$survey == "")) return("reader")
  if (planned == "survey") return("survey")
  several <- mean(tapply(people$survey, people$reader, function(s) length(unique(s))) > 1) > 0.5
  if (several || length(unique(people$survey)) == 1) "reader" else "survey"
}
is_planned <- function(record, contrasts, what = "network")
  any(contrasts$value == what & contrasts$model == record$model & contrasts$group == record$group & contrasts$view %in% c("", record$view))

check_comparisons <- function(open, rows, plan) {
  these <- open("paired")
  if (is.null(these)) return(not_here("paired.csv and new_images.csv", "no network and group share an item and a view"))
  new <- open("new_images")
  units <- open("paired_units")
  margins <- open("equivalence")
  family <- c()
  p_these <- p_new <- c()
  title("paired.csv: network x group x view that share items")
  pairs <- expand.grid(model = unique(rows$reader[rows$kind == "model"]), group = unique(rows$group[rows$kind == "human"]), view = unique(rows$view), stringsAsFactors = FALSE)
  beside("records", nrow(these), sum(vapply(each(pairs), function(pair) nrow(matched(pair, rows)) > 0, TRUE)))
  beside("records of new_images.csv", nrow(new), nrow(these))
  for (i in seq_len(nrow(these))) {
    record <- as.list(these[i, ])
    beside_it <- as.list(new[i, ])
    people <- matched(record, rows)
    unit <- unit_of(people, plan$unit)
    size <- table(people[[unit]])
    k <- tapply(people$network - people$correct, people[[unit]], sum)[names(size)]
    size <- as.vector(size)
    grid <- Reduce(function(a, b) if (is.na(a) || a > 5e6) NA else a / gcd(a, b) * b, unique(size))
    d <- as.vector(k) / size
    title("These images: ", named(record$model, paste("minus", record$group), record$view), ", paired over ", unit, "s")
    test <- paired(d, if (is.na(grid) || grid > 5e6) NA else as.vector(k) * (grid / size), plan$confidence)
    all_people <- sum(rows$kind == "human" & rows$group == record$group & rows$view == record$view)
    fields(record, c(test, readings = nrow(people), readings_without_model = all_people - nrow(people)))
    own <- units[units$model == record$model & units$group == record$group & units$view == record$view, ]
    beside("paired_units.csv, difference", numbers(own$difference), d[match(own$name, names(k))])
    title("New images: ", named(record$model, paste("minus", record$group), record$view))
    y <- people$network - people$correct
    fresh <- two_way_mean(y, people$reader, people$item, people$truth, plan$confidence)
    sds <- components(y, people$reader, people$item, people$truth)
    fields(beside_it, c(fresh, readings = length(y), se_these_images = test$se, se_ratio = fresh$se / test$se,
                        sd_reader = sds[1], sd_item = sds[2], sd_residual = sds[3]))
    check_equivalence(margins, record, list("these images" = test, "new images" = fresh), plan)
    family <- c(family, nrow(plan$contrasts) == 0 || is_planned(record, plan$contrasts))
    p_these <- c(p_these, test$p)
    p_new <- c(p_new, fresh$p)
  }
  check_multiplicity(these, new, family, p_these, p_new, open, plan)
}

# Two one-sided t-tests against the margin (Schuirmann 1987); the interval of confidence 1 - 2 alpha decides the same way.
check_equivalence <- function(table, record, tests, plan) {
  own <- table[table$model == record$model & table$group == record$group & table$view == record$view, ]
  for (told_record in each(own)) {
    test <- tests[[told_record$estimand]]
    estimate <- test[[intersect(c("mean_difference", "difference"), names(test))]]
    own_margin <- plan$contrasts[plan$contrasts$value == "network" & plan$contrasts$model == record$model & plan$contrasts$group == record$group &
                                 plan$contrasts$view %in% c("", record$view) & plan$contrasts$margin != "", ]
    margin <- numbers(if (nrow(own_margin)) own_margin$margin[1] else plan$margin)
    lower <- pt(-(estimate + margin) / test$se, test$df)
    upper <- pt((estimate - margin) / test$se, test$df)
    half <- qt(1 - numbers(plan$alpha), test$df) * test$se
    cat("  equivalence within", told(margin), "for", told_record$estimand, "\n")
    fields(told_record, list(margin = margin, p_equivalent = max(lower, upper), p_noninferior = lower,
                             ci_low = within_scale(estimate - half), ci_high = within_scale(estimate + half)))
  }
}

check_multiplicity <- function(these, new, family, p_these, p_new, open, plan) {
  title("Adjusted p values, ", plan$multiplicity, ", over the ", if (nrow(plan$contrasts)) "planned contrasts" else "comparisons (none is planned)")
  if (plan$multiplicity == "max-t") return(cat("  not covered: the largest t of bootstrap draws\n"))
  gains <- planned_gains(open, plan)
  if (nrow(gains)) cat("  the family holds", nrow(gains), "planned gains with a network's output: their p values are the table's own\n")
  for (question in c("these images", "new images")) {
    p <- if (question == "these images") p_these else p_new
    others <- numbers(gains[[if (question == "these images") "these_images_p" else "p"]])
    adjusted <- rep(NA, length(p))
    adjusted[family] <- p_adjusted(c(p[family], others), plan$multiplicity)[seq_len(sum(family))]
    beside(paste("adjusted p,", question), numbers((if (question == "these images") these else new)$p_adjusted), adjusted)
  }
}
planned_gains <- function(open, plan) {
  kinds <- list(assistance = "gain", assistance_difference = "gain beyond a second look")
  found <- lapply(names(kinds), function(name) {
    table <- open(name)
    if (is.null(table)) return(NULL)
    keep <- vapply(each(table), function(r) is_planned(list(model = r$assistant, group = r$group, view = r$view), plan$contrasts, kinds[[name]]), TRUE)
    table[keep, c("p", "these_images_p"), drop = FALSE]
  })
  found <- do.call(rbind, found)
  if (is.null(found)) data.frame(p = character(0), these_images_p = character(0)) else found
}

check_contrasts <- function(open, rows, plan) {
  networks <- open("networks")
  if (is.null(networks)) not_here("networks.csv", "there is one network on one view, or none")
  for (record in each(networks)) {
    side <- function(n) rows[rows$kind == "model" & rows$reader == record[[n]] & rows$view == record[[paste0(n, "_view")]], ]
    one <- side("first")
    two <- side("second")
    two <- two[match(one$item, two$item), ]
    b <- sum(one$correct == 1 & two$correct == 0, na.rm = TRUE)
    c <- sum(one$correct == 0 & two$correct == 1, na.rm = TRUE)
    n <- sum(!is.na(two$item))
    title("Networks: ", named(record$first, record$first_view, "minus", record$second, record$second_view))
    fields(record, list(items = n, only_first = b, only_second = c, difference = (b - c) / n, p = if (b + c) binom.test(b, b + c)$p.value else 1))
  }
  groups <- open("groups")
  if (is.null(groups)) not_here("groups.csv", "there is one group of readers")
  for (record in each(groups)) {
    own <- rows[rows$kind == "human" & rows$group %in% c(record$first, record$second) & rows$view == record$view, ]
    first <- own$group == record$first
    class <- strata_of(own$item, own$truth)
    share <- numeric(nrow(own))
    share[first] <- centred(own$correct[first], class[first]) / sum(first)
    share[!first] <- -centred(own$correct[!first], class[!first]) / sum(!first)
    v <- two_way(share, codes(own$reader), codes(own$item), class, means = 2)
    means <- lapply(split(own, !first), function(g) tapply(g$correct, g$reader, mean))
    title("Groups: ", named(record$first, paste("minus", record$second), record$view))
    fresh <- two_way_test(mean(own$correct[first]) - mean(own$correct[!first]), v, plan$confidence)
    welch <- if (min(lengths(means)) > 1 && sum(vapply(means, function(m) var(m) / length(m), 0)) > 1e-24) t.test(means[[1]], means[[2]], conf.level = plan$confidence) else NULL
    further(record, fresh, welch)
  }
  views <- open("views")
  if (is.null(views)) not_here("views.csv", "nobody answered an item on two views in one sitting")
  for (record in each(views)) {
    side <- function(view) rows[rows$kind == "human" & rows$group == record$group & rows$view == view & rows$answer != "", ]
    pair <- merge(side(record$first_view), side(record$second_view), by = c("reader", "survey", "item", "truth"))
    gain <- pair$correct.y - pair$correct.x
    if (record$model != "") {
      marks <- function(view) { own <- rows[rows$kind == "model" & rows$reader == record$model & rows$view == view, ]; own$correct[match(pair$item, own$item)] }
      gain <- marks(record$second_view) - marks(record$first_view) - gain
    }
    pair <- pair[!is.na(gain), ]
    gain <- gain[!is.na(gain)]
    title("Views: ", named(record$contrast, record$group, record$model, paste(record$second_view, "minus", record$first_view)))
    by_reader <- tapply(gain, pair$reader, mean)
    spread <- length(by_reader) > 1 && sd(by_reader) > 1e-12 * max(1, abs(mean(by_reader)))
    further(record, two_way_mean(gain, pair$reader, pair$item, pair$truth, plan$confidence),
            if (spread) t.test(by_reader, conf.level = plan$confidence) else NULL, pairs = length(gain))
  }
}
# A record with the new-images test under the plain names and R's own t.test, of the readers, under these_images_.
further <- function(record, fresh, readers, ...) {
  interval <- if (is.null(readers)) c(NA, NA) else within_scale(readers$conf.int)
  known <- if (is.null(readers)) list(these_images_p = NA) else list(
    these_images_se = readers$stderr, these_images_df = unname(readers$parameter), these_images_p = readers$p.value)
  fields(record, c(fresh[c("difference", "se", "df", "p", "ci_low", "ci_high")], known, these_images_ci_low = interval[1], these_images_ci_high = interval[2], ...))
}

check_agreement <- function(table, categories, rows, classes) {
  if (is.null(table)) return(not_here("agreement.csv", "no person read anything"))
  for (record in each(table)) {
    own <- set_of(record, rows)
    item <- factor(own$item)
    all_answers <- agreement(unclass(table(item, factor(own$answer, c(classes, "")))))
    given <- unclass(table(item, factor(own$answer, classes)))
    answered <- agreement(given)
    if (!sum(given)) all_answers[] <- NA
    title("Agreement: ", named(record$group, record$view))
    fields(record, list(
      readers = length(unique(own$reader)), items = nlevels(item), ratings = sum(given), fleiss_kappa = all_answers[["fleiss"]],
      fleiss_kappa_se = all_answers[["fleiss_se"]], percent_agreement = all_answers[["observed"]], fleiss_kappa_answered = answered[["fleiss"]],
      krippendorff_alpha = answered[["alpha"]], gwet_ac1 = answered[["ac1"]], gwet_ac1_se = answered[["ac1_se"]]))
    by_class <- categories[categories$group == record$group & categories$view == record$view & categories$kind == record$kind, ]
    against_the_rest <- vapply(by_class$class, function(name) {        # Fleiss' kappa of one answer against all others
      yes <- own$answer == if (name == "no answer") "" else name
      agreement(unclass(table(item, factor(yes, c(TRUE, FALSE)))))[["fleiss"]]
    }, 0)
    beside("category_agreement.csv, kappa", numbers(by_class$kappa), unname(against_the_rest))
  }
}

# ---- Run ---------------------------------------------------------------------------------------------------------------

home <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
home <- if (length(home)) dirname(normalizePath(gsub("~+~", " ", home[1], fixed = TRUE))) else getwd()
given <- commandArgs(TRUE)
look <- function(n, name) {
  if (length(given) >= n) return(given[n])
  places <- file.path(c(home, file.path(home, "..", "inputs")), name)
  c(places[file.exists(places)], NA)[1]
}
where <- c(look(1, "readings.csv"), look(2, "predictions.csv"))
if (is.na(where[1])) stop("readings.csv is needed beside check.R or in ../inputs/; name it: Rscript check.R readings.csv", call. = FALSE)
cat("Check in", R.version.string, "of the tables in", file.path(home, "tables"), "against", where[!is.na(where)], "\n\n")
check(home, read_table(where[1]), if (is.na(where[2])) NULL else read_table(where[2]))
cat(sprintf("\n%d quantities agree to 1e-8, %d differ\n", tally[["agree"]], tally[["differ"]]))
if (!interactive()) quit(status = if (tally[["differ"]] > 0) 1 else 0)
