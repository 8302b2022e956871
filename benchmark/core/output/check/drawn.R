

# ---- Drawn at random: two-way bootstrap and max-T (Owen 2007; Westfall & Young 1993) -------------------------------------
#
# The tables' draws cannot be repeated in another language, so that these numbers are not held to 1e-8. The same quantities are
# drawn here with R's own generator, and each must lie within DRAWN_Z standard errors of the two programs' draws:
#   the end of an interval stands at the share q of the tables' draws, so the share of R's draws below it must be q, give or take
#     DRAWN_Z sqrt(q (1 - q) (1/B + 1/B_R));
#   a p value is a share of draws, too; a standard deviation s errs by s sqrt((kurtosis - 1) / 4) sqrt(1/B + 1/B_R).
# With 2,000 draws against 10,000 that sees a standard error that is wrong by a tenth, and the end of a 95 % interval that is off
# by half a standard error (10,000 draws in the plan: by a quarter). It cannot see less, and it raises a false alarm about once
# in 100,000 quantities.

DRAWN_Z <- 4.5
DRAWS_HERE <- 10000

# How often each unit is drawn, with replacement within its stratum: units x draws.
resampled <- function(stratum, draws) {
  weights <- matrix(0, length(stratum), draws)
  for (one in unique(stratum)) {
    members <- which(stratum == one)
    weights[members, ] <- rmultinom(draws, length(members), rep(1, length(members)))
  }
  weights
}

drawn_line <- function(name, theirs, ours, slack) {
  good <- (is.na(theirs) & is.na(ours)) || (!is.na(theirs) && !is.na(ours) && abs(theirs - ours) <= slack)
  side <- if (good) "within" else "beyond"
  tally[[side]] <<- tally[[side]] + 1
  cat(sprintf("  %-46s %18s %18s %10s%s\n", name, told(theirs), told(ours), paste0("\u00b1", signif(slack, 2)), if (good) "" else "  TOO FAR OFF"))
}
share_slack <- function(q, draws) DRAWN_Z * sqrt(q * (1 - q) * (1 / draws + 1 / DRAWS_HERE)) + 1 / (draws + 1)

# Share of R's draws below the end of an interval; among draws that equal it, and where a difference ends with its scale, what is
# nearest to q.
drawn_end <- function(name, end, x, q, draws, ends_at = 1) {
  if (is.na(end)) return(drawn_line(name, NA, q, 0))
  below <- if (end <= -ends_at) 0 else mean(x < end - 1e-6)
  upto <- if (end >= ends_at) 1 else mean(x <= end + 1e-6)
  drawn_line(name, q, min(max(q, below), upto), share_slack(q, draws))
}
drawn_p <- function(name, theirs, ours, draws, tails) {
  share <- max(theirs, ours, 2 / draws, na.rm = TRUE) / tails
  drawn_line(name, theirs, ours, tails * share_slack(min(share, 0.5), draws))
}

check_drawn <- function(open, rows, plan) {
  new <- open("new_images")
  methods <- open("new_images_methods")
  if (!NROW(new) || is.null(plan$bootstrap_draws)) return(invisible())
  draws <- numbers(plan$bootstrap_draws)
  cell <- function(x) if (length(x)) numbers(x) else NA               # NA where the table has no such row
  set.seed(1)
  people <- unique(rows[rows$kind == "human", c("reader", "group")])
  images <- unique(rows[c("item", "truth")])
  DRAWS_HERE <<- max(1000, min(10000, floor(5e9 / (nrow(people) * nrow(images) * nrow(new)))))      # fewer for large tables
  reader_weights <- resampled(people$group, DRAWS_HERE)
  item_weights <- resampled(images$truth, DRAWS_HERE)
  z <- qnorm(0.5 + plan$confidence / 2)
  tails <- (1 + c(-1, 1) * plan$confidence) / 2
  largest <- rep(0, DRAWS_HERE)
  in_family <- c()
  for (i in seq_len(nrow(new))) {
    record <- as.list(new[i, ])
    own <- matched(record, rows)
    value <- matrix(0, nrow(people), nrow(images))
    weight <- value
    at <- cbind(match(own$reader, people$reader), match(own$item, images$item))
    cells <- rowsum(cbind(own$weight * (own$network - own$correct), own$weight), at[, 1] + nrow(people) * (at[, 2] - 1))
    value[as.integer(rownames(cells))] <- cells[, 1]                  # a reader may meet an item in two surveys
    weight[as.integer(rownames(cells))] <- cells[, 2]
    total <- colSums(reader_weights * (weight %*% item_weights))
    x <- ifelse(total > 0, colSums(reader_weights * (value %*% item_weights)) / total, NA)
    known <- x[!is.na(x)]
    se <- numbers(record$se)
    if (is.na(se) || length(known) < 2 || sd(known) == 0) next
    wider <- qt(0.5 + plan$confidence / 2, numbers(record$df)) / z
    title("Drawn at random: ", named(record$model, record$group, record$view))
    told_by <- methods[methods$model == record$model & methods$group == record$group & methods$view == record$view, ]
    plain <- as.list(told_by[told_by$method == "two-way bootstrap, percentile", ])
    corrected <- as.list(told_by[told_by$method == "two-way bootstrap, spread corrected", ])
    if (2 * length(known) > DRAWS_HERE) {
      kurtosis <- mean((known - mean(known))^4) / mean((known - mean(known))^2)^2
      drawn_line("bootstrap standard error", cell(plain$se), sd(known),
                 DRAWN_Z * sd(known) * sqrt((kurtosis - 1) / 4) * sqrt(1 / draws + 1 / DRAWS_HERE))
      scaled <- numbers(record$difference) + (known - mean(known)) * wider * se / sd(known)
      drawn_end("percentile interval, draws below its lower end", cell(plain$ci_low), known, tails[1], draws)
      drawn_end("percentile interval, draws below its upper end", cell(plain$ci_high), known, tails[2], draws)
      drawn_end("corrected interval, draws below its lower end", cell(corrected$ci_low), scaled, tails[1], draws)
      drawn_end("corrected interval, draws below its upper end", cell(corrected$ci_high), scaled, tails[2], draws)
      drawn_p("corrected bootstrap, p", cell(corrected$p), min(1, 2 * (min(sum(scaled <= 0), sum(scaled >= 0)) + 1) / (DRAWS_HERE + 1)), draws, 2)
    }
    if (record$family == "exploratory") next
    deviation <- wider * abs(x - mean(known)) / sd(known)
    largest <- pmax(largest, ifelse(is.na(deviation), 0, deviation))
    in_family <- c(in_family, i)
  }
  for (i in in_family) {
    record <- as.list(new[i, ])
    title("Max-T: ", named(record$model, record$group, record$view))
    ends <- numbers(c(record$simultaneous_low, record$simultaneous_high))
    half <- max(abs(ends - numbers(record$difference)))               # the end that the scale does not cut
    drawn_end("largest deviations below the quantile used", half / numbers(record$se), largest, plan$confidence, draws, ends_at = Inf)
    drawn_p("p_max_t", numbers(record$p_max_t), (sum(largest >= abs(numbers(record$t))) + 1) / (DRAWS_HERE + 1), draws, 1)
  }
}
