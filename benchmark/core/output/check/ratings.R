# ---- Formulas of ratings -----------------------------------------------------------------------------------------------

UNDECIDED <- c("not_sure", "cannot_tell")
FLOOR_MS <- 1000                                                      # nobody has looked at an image in less

together <- function(rows) { rows$truth <- rep("", nrow(rows)); rows }     # one stratum

# Two one-sided tests of an estimate within (-margin, margin) (Schuirmann 1987).
within_margin <- function(test, plan) {
  p <- max(pt((test$difference + plan$margin) / test$se, test$df, lower.tail = FALSE), pt((test$difference - plan$margin) / test$se, test$df))
  list(margin = plan$margin, p_equivalent_to_chance = p, equivalent_to_chance = p < plan$alpha)
}

# d' and criterion from counts, a half added to each cell (Hautus 1995).
signal <- function(hits, fakes, alarms, reals) {
  z <- cbind(qnorm((hits + 0.5) / (fakes + 1)), qnorm((alarms + 0.5) / (reals + 1)))
  cbind(dprime = z[, 1] - z[, 2], criterion = -rowSums(z) / 2)
}

# Mean with the interval for new raters and new images; none where it would be wider than the scale.
mean_rating <- function(own, plan) {
  test <- two_way_mean(own$value, together(own), plan$confidence)
  half <- if (is.na(test$df)) NA else qt(0.5 + plan$confidence / 2, test$df) * test$se
  if (!is.na(half) && 2 * half > max(diff(range(own$value)), 1)) half <- NA
  list(mean = test$difference, se = test$se, df = test$df, ci_low = test$difference - half, ci_high = test$difference + half)
}
share_of <- function(yes, own, plan) {
  interval <- share_interval(yes, together(own), FALSE, plan$confidence)
  list(share = mean(yes), ci_low = interval[1], ci_high = interval[2])
}
counted <- function(own) list(evaluators = length(unique(own$evaluator)), images = length(unique(own$image)), answers = nrow(own))
credit <- function(own) ifelse(own$answer %in% UNDECIDED, 0.5, own$answer == own$truth)

# Ordinal alpha is that of the ranks of all ratings that can be paired, equal ones sharing the middle of their places:
#   1 - (mean, over ratings, of the variance within their image) / (variance of all)           (Krippendorff 2011)
ordinal_alpha <- function(value, image) {
  paired <- image %in% names(which(table(image) > 1))
  if (!any(paired)) return(NA)
  rank_of <- rank(value[paired])
  image <- codes(image[paired])
  n <- tabulate(image)
  within <- (rowsum(rank_of^2, image)[, 1] - rowsum(rank_of, image)[, 1]^2 / n) / (n - 1)
  all <- var(rank_of)
  if (all > 0) 1 - sum(n * within) / sum(n) / all else NA
}

# A bound of an interval that was drawn at random, the plan's number of times: it must lie among R's own draws where a bound of so
# many draws lies but for once in ten million times.
drawn_bound <- function(name, ours, draws, probability, times) {
  known <- draws[is.finite(draws)]
  if (2 * length(known) <= length(draws) || diff(range(known)) < 1e-12) return(beside(name, ours, NA))
  size <- 1 / (1 / times + 1 / length(known)) + 1
  ends <- qbeta(c(1e-7, 1 - 1e-7), probability * size, (1 - probability) * size)
  place <- c(floor(ends[1] * (length(known) + 1)), ceiling(ends[2] * (length(known) + 1)))
  ends <- c(-Inf, sort(known), Inf)[pmin(pmax(place, 0), length(known) + 1) + 1] + c(-1e-6, 1e-6)
  own <- quantile(known, probability, type = 6, names = FALSE)
  good <- !is.na(ours) && ours >= ends[1] && ours <= ends[2]
  what <- if (good) "within" else "beyond"
  tally[[what]] <<- tally[[what]] + 1
  cat(sprintf("  %-46s %18s %18s %10s  drawn: %s to %s%s\n", name, told(ours), told(own), told(signif(abs(ours - own), 2)),
              told(signif(ends[1], 4)), told(signif(ends[2], 4)), if (good) "" else "  TOO FAR OFF"))
}
drawn_interval <- function(record, name, draws, plan, times = plan$draws) {
  prefix <- if (name == "") "" else paste0(name, "_")
  for (end in c("ci_low", "ci_high"))
    drawn_bound(paste0(prefix, end), numbers(record[[paste0(prefix, end)]]), draws,
                0.5 + (if (end == "ci_low") -1 else 1) * plan$confidence / 2, times)
}

# Error, both components, d' and criterion when raters, and images of each origin, are drawn anew with replacement.
hype_draws <- function(own, times) {
  reader <- codes(own$evaluator)
  image <- codes(own$image)
  fake <- own$truth == "generated"
  cell <- 2 * fake + (own$answer == "generated")
  origin <- fake[match(sort(unique(image)), image)]
  found <- lapply(split(seq_len(times), ceiling(seq_len(times) / 200)), function(few) {
    readers <- rmultinom(length(few), max(reader), rep(1, max(reader)))
    images <- matrix(0, max(image), length(few))
    for (kind in unique(origin)) images[origin == kind, ] <- rmultinom(length(few), sum(origin == kind), rep(1, sum(origin == kind)))
    weight <- readers[reader, , drop = FALSE] * images[image, , drop = FALSE]
    sums <- vapply(0:3, function(one) colSums(weight[cell == one, , drop = FALSE]), numeric(length(few)))
    rates(sums[, 1], sums[, 2], sums[, 3], sums[, 4])
  })
  do.call(rbind, found)
}
rates <- function(real, alarm, missed, hit) cbind(
  error = (missed + alarm) / (real + alarm + missed + hit), fakes_called_real = missed / (hit + missed),
  reals_called_fake = alarm / (real + alarm), signal(hit, hit + missed, alarm, real + alarm))

# ---- Every table of a rating study -------------------------------------------------------------------------------------

check <- function(folder, table, cells) {
  open <- open_tables(folder)
  told_plan <- open("plan")
  if (is.null(told_plan)) stop("tables/plan.csv is needed beside this file; it holds the rules of the analysis.")
  plan <- lapply(as.list(setNames(told_plan$setting, told_plan$rule)), numbers)
  set.seed(1)
  all <- prepared(table, cells)
  rows <- all[all$showing == "", ]
  given <- rows[rows$answer != "", ]
  cat(sprintf("%-48s %18s %18s %10s\n", "quantity", "table", "R", "difference"))
  inputs <- open("inputs")
  title("Rows of ", inputs$file[1], ", repeats and catches left out")
  beside("rows", numbers(inputs$rows[1]), nrow(rows))
  of <- function(kind) given[given$kind == kind, ]
  check_hype(open("hype"), of("reality"), plan)
  check_evaluators(open("evaluators"), of("reality"))
  check_scales(open("scales"), of("scale"), plan)
  check_choices(open("choices"), of("choice"), plan)
  check_rating_agreement(open("rating_agreement"), given, plan)
  check_self_agreement(open("self_agreement"), all, plan)
  check_raters(open("catches"), open("pace"), all)
  check_classes(open, of("reality"), of("scale"), of("class"), plan)
  check_marks(open("marks"), of("mark"), plan)
  check_strips(open("strips"), given[given$shown == "strip", ], plan)
  check_pictures(open("pictures"), of("reality"), of("scale"), plan)
}

# The sets of a question's rows by name: all together and each by itself with the real images, one alone by its name.
sets_of <- function(rows) {
  names <- setdiff(unique(rows$set), "")
  if (length(names) == 1) return(setNames(list(rows), names))
  c(list(all = rows), lapply(setNames(names, names), function(name) rows[rows$set %in% c(name, ""), ]))
}
by_question <- function(rows) if (nrow(rows)) split(rows, rows$question) else list()
# Groups by columns, each told by these names; records of the table beside the groups of the same names.
groups_of <- function(rows, columns) if (nrow(rows)) split(rows, rows[columns], drop = TRUE, sep = "\r") else list()
real_for_none <- function(set) ifelse(set == "", "real", set)
each_record <- function(name, table, groups, columns, why, found) {
  records(name, table, length(groups), why)
  keys <- vapply(groups, function(own) paste(unlist(own[1, columns]), collapse = "\r"), "")
  for (record in each(table)) {
    own <- groups[[match(paste(unlist(record[columns]), collapse = "\r"), keys)]]
    title(sub(":.*", "", name), ": ", named(unlist(record[columns])))
    if (is.null(own)) beside("a record that the answers do not give", 1, 0) else fields(record, found(own, record))
  }
}

check_hype <- function(table, rows, plan) {
  questions <- by_question(rows)
  records("hype.csv: questions about reality by set", table, sum(vapply(questions, function(own) length(sets_of(own)), 0)), "none was asked")
  for (record in each(table)) {
    own <- sets_of(questions[[record$question]])[[record$set]]
    fake <- own$truth == "generated"
    called <- own$answer == "generated"
    title("Real or generated: ", named(record$question, record$set))
    fields(record, list(evaluators = length(unique(own$evaluator)), images = length(unique(own$image)), judgments = nrow(own), margin = plan$margin))
    if (all(fake) || !any(fake)) {
      fields(record, setNames(rep(list(NA), 8), c("error", "fakes_called_real", "reals_called_fake", "dprime", "criterion", "se", "df", "p_chance")))
      next
    }
    cells <- c(sum(!fake & !called), sum(!fake & called), sum(fake & !called), sum(fake & called))
    found <- rates(cells[1], cells[2], cells[3], cells[4])[1, ]
    if (all(called) || !any(called)) found[c("dprime", "criterion")] <- NA
    test <- two_way_mean(as.numeric(fake != called) - 0.5, own, plan$confidence)
    chance <- if (is.na(test$se)) list(p_equivalent_to_chance = NA, equivalent_to_chance = NA) else within_margin(test, plan)
    fields(record, c(as.list(found), test[c("se", "df")], p_chance = test$p, chance[c("p_equivalent_to_chance", "equivalent_to_chance")]))
    draws <- hype_draws(own, plan$draws)
    if (any(cells == 0)) draws[, c("dprime", "criterion")] <- NA      # the correction alone would feign an interval
    for (name in colnames(draws)) drawn_interval(record, if (name == "error") "" else name, draws[, name], plan)
  }
}

check_evaluators <- function(table, rows) {
  groups <- groups_of(rows, c("question", "evaluator"))
  records("evaluators.csv: every rater", table, length(groups), "no question about reality was asked")
  if (!NROW(table) || !length(groups)) return()
  mine <- function(own) {
    fake <- own$truth == "generated"
    called <- own$answer == "generated"
    wrong <- sum(fake != called)
    known <- length(unique(fake)) == 2 && length(unique(called)) == 2
    c(judgments = nrow(own), wrong = wrong, error = wrong / nrow(own), p_chance = binom.test(wrong, nrow(own))$p.value,
      if (known) signal(sum(fake & called), sum(fake), sum(!fake & called), sum(!fake))[1, ] else c(dprime = NA, criterion = NA))
  }
  found <- as.data.frame(t(vapply(groups, mine, numeric(6))))
  found$p_adjusted <- p.adjust(found$p_chance, "BH")
  keys <- vapply(groups, function(own) paste(own$question[1], own$evaluator[1], sep = "\r"), "")
  columns_beside(table, found[match(paste(table$question, table$evaluator, sep = "\r"), keys), ])
}
columns_beside <- function(table, found)
  for (name in intersect(names(table), names(found))) beside(name, numbers(table[[name]]), as.numeric(found[[name]]))

check_scales <- function(table, rows, plan) {
  rows$set <- real_for_none(rows$set)
  each_record("scales.csv: scales by set", table, groups_of(rows, c("question", "set")), c("question", "set"), "no scale was asked", function(own, record)
    c(list(ratings = nrow(own), evaluators = length(unique(own$evaluator)), images = length(unique(own$image))), mean_rating(own, plan),
      setNames(as.list(quantile(own$value, c(0.25, 0.5, 0.75), names = FALSE)), c("lower_quartile", "median", "upper_quartile"))))
}

check_choices <- function(table, rows, plan) {
  questions <- by_question(rows)
  sets <- lapply(questions, function(own) Filter(Negate(is.null), { s <- sets_of(own); if (own$shown[1] == "strip") s$all <- NULL; s }))
  records("choices.csv: choices between two sides by set", table, sum(lengths(sets)), "none was asked")
  for (record in each(table)) {
    own <- sets[[record$question]][[record$set]]
    right <- credit(own)
    test <- two_way_mean(right - 0.5, together(own), plan$confidence)
    chance <- if (is.na(test$se)) list(margin = plan$margin, p_equivalent_to_chance = NA, equivalent_to_chance = NA) else within_margin(test, plan)
    title("Choices: ", named(record$question, record$set))
    fields(record, c(list(judgments = nrow(own), evaluators = test$readers, pairs = test$items, right = mean(right), se = test$se, df = test$df,
                          undecided = mean(own$answer %in% UNDECIDED), p_chance = test$p, dprime = sqrt(2) * qnorm((sum(right) + 0.5) / (length(right) + 1))),
                     share_of(right, own, plan)[c("ci_low", "ci_high")], chance))
  }
}

check_rating_agreement <- function(table, given, plan) {
  rows <- given[given$kind %in% c("reality", "choice", "class", "scale"), ]
  each_record("rating_agreement.csv: every question", table, groups_of(rows, c("question", "kind")), c("question", "kind"), "nothing was asked", function(own, record) {
    image <- factor(own$image)
    size <- list(ratings = nrow(own), images = nlevels(image))
    if (sum(table(image) > 1) < 2) return(c(size, krippendorff_alpha = NA, ci_low = NA, ci_high = NA))
    picks <- lapply(seq_len(min(plan$draws, 1000)), function(i) sample.int(nlevels(image), replace = TRUE))
    if (record$kind == "scale") {
      places <- split(seq_len(nrow(own)), image)
      drawn <- vapply(picks, function(pick) {
        at <- places[pick]
        ordinal_alpha(own$value[unlist(at)], rep(seq_along(at), lengths(at)))
      }, 0)
      drawn_interval(record, "", drawn, plan, min(plan$draws, 500))
      return(c(size, krippendorff_alpha = ordinal_alpha(own$value, own$image)))
    }
    counts <- unclass(table(image, own$answer))
    drawn <- vapply(picks, function(pick) agreement(counts[pick, , drop = FALSE], ncol(counts))[c("alpha", "ac1")], numeric(2))
    drawn_interval(record, "", drawn["alpha", ], plan)
    drawn_interval(record, "gwet_ac1", drawn["ac1", ], plan)
    found <- agreement(counts)
    c(size, krippendorff_alpha = found[["alpha"]], fleiss_kappa = found[["fleiss"]], gwet_ac1 = found[["ac1"]], percent_agreement = found[["observed"]])
  })
}

check_self_agreement <- function(table, all, plan) {
  answered <- all[all$answer != "" & all$kind %in% c("reality", "choice", "class", "scale"), ]
  key <- paste(answered$evaluator, answered$image, answered$question, sep = "\r")
  first <- which(answered$showing == "")
  again <- which(answered$showing == "again" & key %in% key[first])
  before <- answered[first[match(key[again], key[first])], ]
  pairs <- data.frame(before, answer_again = answered$answer[again], value_again = answered$value[again])
  each_record("self_agreement.csv: every question asked again", table, groups_of(pairs, c("question", "kind")), c("question", "kind"), "nothing was shown twice", function(own, record) {
    scale <- record$kind == "scale"
    same <- as.numeric(if (scale) own$value == own$value_again else own$answer == own$answer_again)
    found <- share_of(same, own, plan)
    unit <- rep(seq_len(nrow(own)), 2)
    alpha <- if (nrow(own) < 2) NA else if (scale) ordinal_alpha(c(own$value, own$value_again), unit) else
      agreement(unclass(table(unit, c(own$answer, own$answer_again))))[["alpha"]]
    c(list(pairs = nrow(own)), counted(own)[c("evaluators", "images")], same = found$share, found[c("ci_low", "ci_high")],
      krippendorff_alpha = alpha, mean_change = if (scale) mean(own$value_again - own$value) else NA)
  })
}

check_raters <- function(catches, pace, all) {
  caught <- all[all$showing == "catch" & all$answer != "", ]
  each_record("catches.csv: every rater", catches, groups_of(caught, "evaluator"), "evaluator", "no obvious image was shown", function(own, record)
    list(catches = nrow(own), caught = sum(own$answer == own$truth)))
  timed <- all[all$showing == "" & all$kind %in% c("reality", "choice") & all$answer != "" & !is.na(all$rt_ms), ]
  each_record("pace.csv: every rater", pace, groups_of(timed, "evaluator"), "evaluator", "no time was kept", function(own, record)
    list(answers = nrow(own), median_s = median(own$rt_ms) / 1000, fastest_s = min(own$rt_ms) / 1000, too_fast = sum(own$rt_ms < FLOOR_MS)))
}

check_classes <- function(open, reality, scales, classes, plan) {
  labelled <- function(rows) { rows$class <- rows$label; rows[rows$label != "", ] }
  keyed <- labelled(reality)
  keyed$set <- ifelse(keyed$set == "", keyed$truth, keyed$set)
  keys <- c("question", "class", "set", "truth")
  each_record("class_reality.csv: called generated, by stated class", open("class_reality"), groups_of(keyed, keys), keys, "no class was stated", function(own, record)
    c(counted(own), share_of(as.numeric(own$answer == "generated"), own, plan)))
  keyed <- labelled(scales[scales$shown == "single", ])
  keyed$set <- real_for_none(keyed$set)
  each_record("class_scales.csv: ratings by stated class", open("class_scales"), groups_of(keyed, keys[1:3]), keys[1:3], "no class was stated", function(own, record)
    c(counted(own), mean_rating(own, plan)))
  classes$set <- real_for_none(classes$set)
  twice <- rbind(data.frame(classes, class = rep("", nrow(classes))), data.frame(classes, class = as_told(classes$truth)))
  keys <- c("question", "set", "class")
  each_record("named_classes.csv: the stated class, named or not", open("named_classes"), groups_of(twice, keys), keys, "no class was asked for", function(own, record)
    c(counted(own), share_of(as.numeric(own$answer == own$truth), own, plan), undecided = mean(own$answer %in% UNDECIDED)))
}

check_marks <- function(table, rows, plan) {
  rows$set <- real_for_none(rows$set)
  each_record("marks.csv: what was marked, by set", table, groups_of(rows, c("question", "set")), c("question", "set"), "nothing could be marked", function(own, record)
    c(counted(own), share_of(as.numeric(own$answer == "yes"), own, plan)))
}

check_strips <- function(table, rows, plan) {
  rows$set <- real_for_none(rows$set)
  rows <- rows[rows$kind %in% c("scale", "choice", "mark", "frame"), ]
  keys <- c("set", "question", "kind")
  each_record("strips.csv: morphs and their controls", table, groups_of(rows, keys), keys, "no strip was shown", function(own, record) {
    if (record$kind == "scale") {
      found <- mean_rating(own, plan)
      return(c(counted(own), estimate = found$mean, found[c("ci_low", "ci_high")]))
    }
    yes <- switch(record$kind, choice = credit(own), mark = as.numeric(own$answer == "yes"), frame = as.numeric(own$value == 0))
    found <- share_of(yes, own, plan)
    faults <- own[record$kind == "frame" & own$value > 0 & !is.na(own$parts) & own$parts > 0, ]
    c(counted(own), estimate = found$share, found[c("ci_low", "ci_high")],
      first_fault = if (nrow(faults)) median(faults$value / faults$parts) else NA)
  })
}

check_pictures <- function(table, rows, scales, plan) {
  groups <- groups_of(rows, c("question", "image"))
  records("pictures.csv: every single image", table, length(groups), "no question about reality was asked")
  if (!NROW(table) || !length(groups)) return()
  scales <- scales[scales$shown == "single", ]
  keys <- vapply(groups, function(own) paste(own$question[1], own$image[1], sep = "\r"), "")
  mean_or_none <- function(x) if (length(x) && any(!is.na(x))) mean(x, na.rm = TRUE) else NA
  found <- do.call(rbind, lapply(groups[match(paste(table$question, table$image, sep = "\r"), keys)], function(own) {
    called <- sum(own$answer == "generated")
    interval <- wilson(called, nrow(own), plan$confidence)
    data.frame(judgments = nrow(own), called_generated = called, wrong = sum(own$answer != own$truth), share_called_generated = called / nrow(own),
               ci_low = interval[1], ci_high = interval[2], mean_confidence = mean_or_none(own$confidence))
  }))
  columns_beside(table, found)
  for (name in grep("^mean (?!_)", setdiff(names(table), "mean_confidence"), value = TRUE, perl = TRUE)) {
    own <- scales[scales$question == as_told(substring(name, 6)), ]
    beside(name, numbers(table[[name]]), unname(tapply(own$value, own$image, mean)[table$image]))
  }
}

run(check, "ratings.csv", "cells.csv")
