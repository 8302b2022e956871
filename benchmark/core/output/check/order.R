
# ---- View, period, carry-over and place in one logistic model, without random effects -----------------------------------
#
# Right answers ~ view x period + place in the block + class, by R's own glm. A row moves the estimate by
#   (sum x x' p (1 - p))^-1 x (y - p),
# and the sums of these over readers and over items have the two-way variance; readers of either order have a mean of their own.

# Per group and two views in which somebody answered the same item in one sitting: those sittings, and who began with which view.
sittings_of_both <- function(human, views) {
  side <- function(view) human[human$view == view, ]
  key <- function(rows) paste(rows$reader, rows$survey, rows$item, rows$truth, sep = "\r")
  one <- side(views[1])
  two <- side(views[2])
  met <- match(key(one), key(two))
  one <- one[!is.na(met), ]
  two <- two[met[!is.na(met)], ]
  led <- numbers(one$block) < numbers(two$block)
  first <- !duplicated(one$reader)
  setNames(led[first], one$reader[first])[if (anyNA(led)) 0 else TRUE]      # nobody where a block has no number
}

check_order_model <- function(table, rows, plan) {
  human <- rows[rows$kind == "human" & rows$answer != "", ]
  expected <- 0
  for (group in unique(human$group)) for (views in pairs_of_names(unique(human$view[human$group == group]))) {
    own <- human[human$group == group, ]
    led <- sittings_of_both(own, views)
    if (min(sum(led), sum(!led)) >= 2) expected <- expected + 3 + has_places(order_rows(own, views, led))
  }
  records("order_model.csv: view, period, carry-over and place, where both orders occur", table, expected, "nobody, or all but one, read the views in another order")
  for (told_set in each(unique(table[c("group", "first_view", "second_view")]))) {
    views <- c(told_set$first_view, told_set$second_view)
    own <- human[human$group == told_set$group, ]
    led <- sittings_of_both(own, views)
    if (min(sum(led), sum(!led)) < 2) next
    title("Orders: ", named(told_set$group, paste(views, collapse = ", ")))
    terms <- table[table$group == told_set$group & table$first_view == views[1] & table$second_view == views[2], ]
    own <- order_rows(own, views, led)
    tests <- order_terms(own, views, led, plan)
    for (i in seq_len(min(nrow(terms), length(tests)))) {
      cat("  ", terms$term[i], "\n", sep = "")
      fields(as.list(terms[i, ]), c(list(readings = nrow(own), readers = length(unique(own$reader))), tests[[i]]))
    }
  }
}
pairs_of_names <- function(x) lapply(pairs_of(length(x)), function(ij) x[ij])
order_rows <- function(own, views, led) own[own$view %in% views & own$reader %in% names(led), ]
has_places <- function(own) {
  place <- numbers(own$position)
  !anyNA(place) && length(unique(place)) > 1
}

order_terms <- function(own, views, led, plan) {
  later <- own$view == views[2]
  view <- ifelse(later, 0.5, -0.5)
  period <- ifelse(later == led[own$reader], 0.5, -0.5)
  x <- cbind(view, period, 2 * view * period)
  if (has_places(own)) {
    place <- numbers(own$position)
    x <- cbind(x, (place - ave(place, own$reader, own$view)) / 10)
  }
  terms <- ncol(x)
  class <- factor(own$truth)
  x <- cbind(x, if (nlevels(class) > 1) model.matrix(~ 0 + class) else 1)
  fit <- suppressWarnings(glm.fit(x, own$correct, family = binomial(), control = list(epsilon = 1e-15, maxit = 100)))
  known <- fit$rank == ncol(x) && max(abs(fit$linear.predictors)) <= 15
  if (known) {
    p <- fit$fitted.values
    influence <- (x * (own$correct - p)) %*% solve(crossprod(x * sqrt(p * (1 - p))))
    stratum <- strata_of(own$item, own$truth)
  }
  lapply(seq_len(terms), function(k) {
    test <- if (!known) untested(NA) else
      of_average(fit$coefficients[[k]], two_way(influence[, k], codes(own$reader), codes(own$item), stratum, means = 2), plan$confidence)
    setNames(test, paste0("average_log_odds_ratio", c("", paste0("_", names(test)[-1]))))
  })
}
of_average <- function(estimate, v, confidence) {                     # log odds ratios end nowhere, other than differences
  if (v$v <= 1e-24 || is.na(v$df)) return(untested(estimate))
  test <- t_test(estimate, sqrt(v$v), v$df, confidence)
  half <- qt(0.5 + confidence / 2, v$df) * sqrt(v$v)
  test$ci_low <- estimate - half
  test$ci_high <- estimate + half
  test
}
