# ---- Every table of a comparison of readings ----------------------------------------------------------------------------

check <- function(folder, readings, predictions) {
  open <- open_tables(folder)
  told_plan <- open("plan")
  if (is.null(told_plan)) stop("tables/plan.csv is needed beside this file; it holds the rules of the analysis.")
  plan <- as.list(setNames(told_plan$setting, told_plan$rule)[told_plan$rule != "contrast"])
  plan$contrasts <- told_plan[told_plan$rule == "contrast", ]
  plan$confidence <- numbers(plan$confidence)
  plan$alpha <- numbers(plan$alpha)
  found <- prepared(readings, predictions, plan)
  found$rows[c("group", "view", "item", "reader", "survey")] <- lapply(found$rows[c("group", "view", "item", "reader", "survey")], as_told)
  cat(sprintf("%-48s %18s %18s %10s\n", "quantity", "table", "R", "difference"))
  rows <- found$rows
  rows$who <- ifelse(rows$kind == "human", rows$group, rows$reader)
  inputs <- open("inputs")
  title("Rows of ", inputs$file[1], ", second showings included")
  beside("rows", numbers(inputs$rows[1]), nrow(readings))
  check_accuracy(open("accuracy"), open("reader_accuracy"), rows, plan)
  check_confusion(open("confusion"), rows, length(found$classes), plan)
  gains <- check_gains(open, rows, plan)
  check_comparisons(open, rows, gains, plan)
  check_drawn(open, rows, plan)
  check_contrasts(open, rows, as_told(found$anchors), plan)
  check_agreement(open("agreement"), open("category_agreement"), rows, found$classes)
  check_order_model(open("order_model"), rows, plan)
}

set_of <- function(record, rows) {
  who <- if (record$kind == "human") record$group else record$reader
  rows[rows$kind == record$kind & rows$who == who & rows$view == record$view, ]
}

check_accuracy <- function(table, readers, rows, plan) {
  records("accuracy.csv: groups and networks by view", table, nrow(unique(rows[c("kind", "who", "view")])), "nothing was read")
  for (record in each(table)) {
    own <- set_of(record, rows)
    title("Accuracy: ", named(record$group, record$reader, record$view))
    interval <- share_interval(own$correct, own, TRUE, plan$confidence)
    fields(record, list(readers = length(unique(own$reader)), items = length(unique(own$item)), readings = nrow(own),
                        answered = sum(own$answer != ""), correct = sum(own$correct),
                        accuracy = weighted.mean(own$correct, own$weight), ci_low = interval[1], ci_high = interval[2]))
  }
  key <- function(kind, reader, view) paste(kind, reader, view, sep = "\r")
  id <- key(rows$kind, rows$reader, rows$view)
  records("reader_accuracy.csv: every reader by view", readers, length(unique(id)), "nothing was read")
  told_id <- key(readers$kind, readers$reader, readers$view)
  right <- as.vector(tapply(rows$correct, id, sum)[told_id])
  n <- as.vector(table(id)[told_id])
  interval <- wilson(right, n, plan$confidence)
  beside("correct", numbers(readers$correct), right)
  beside("accuracy", numbers(readers$accuracy), right / n)
  beside("ci_low", numbers(readers$ci_low), interval[, 1])
  beside("ci_high", numbers(readers$ci_high), interval[, 2])
}

check_confusion <- function(table, rows, classes, plan) {
  records("confusion.csv: class x (class or no answer), for every group and network by view", table,
          nrow(unique(rows[c("kind", "who", "view")])) * classes * (classes + 1), "nothing was read")
  for (record in each(unique(table[c("group", "kind", "reader", "view")]))) {
    own <- set_of(record, rows)
    cells <- table[table$group == record$group & table$reader == record$reader & table$view == record$view & table$kind == record$kind, ]
    answer <- ifelse(cells$answer == "no answer", "", cells$answer)
    truth_told <- as_told(own$truth)
    answer_told <- as_told(own$answer)
    count <- mapply(function(t, a) sum(truth_told == t & answer_told == a), cells$truth, answer)
    sums <- mapply(function(t, a) sum(own$weight[truth_told == t & answer_told == a]), cells$truth, answer)
    in_row <- as.vector(tapply(sums, cells$truth, sum)[cells$truth])
    bounds <- mapply(function(t, a) {
      class <- own[truth_told == t, ]
      if (!nrow(class)) return(c(NA, NA))
      100 * share_interval(as.numeric(as_told(class$answer) == a), class, FALSE, plan$confidence)
    }, cells$truth, answer)
    title("Confusion: ", named(record$group, record$reader, record$view))
    beside("readings in the matrix", sum(numbers(cells$count)), nrow(own))
    beside("count", numbers(cells$count), count)
    beside("row_percent", numbers(cells$row_percent), ifelse(in_row > 0, 100 * sums / in_row, NA))
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
  any(contrasts$setting == what & contrasts$model == record$model & contrasts$group == record$group & contrasts$view %in% c("", record$view))

margin_of <- function(record, plan, what = "network") {                # the contrast's own, else the plan's
  planned <- plan$contrasts$setting == what & plan$contrasts$model == record$model & plan$contrasts$group == record$group &
    plan$contrasts$view %in% c("", record$view) & plan$contrasts$margin != ""
  numbers(if (any(planned)) plan$contrasts$margin[planned][1] else plan$margin)
}

check_comparisons <- function(open, rows, gains, plan) {
  these <- open("paired")
  new <- open("new_images")
  units <- open("paired_units")
  margins <- open("equivalence")
  family <- p_these <- p_new <- c()
  pairs <- expand.grid(model = unique(rows$reader[rows$kind == "model"]), group = unique(rows$group[rows$kind == "human"]),
                       view = unique(rows$view), stringsAsFactors = FALSE)
  pairs <- Filter(function(pair) nrow(matched(pair, rows)) > 0, each(pairs))
  none <- "no network and group share an item and a view"
  records("paired.csv: network x group x view that share items", these, length(pairs), none)
  records("new_images.csv: network x group x view that share items", new, length(pairs), none)
  with_margin <- Filter(function(pair) !is.na(margin_of(pair, plan)), pairs)
  records("equivalence.csv: the same within a margin, for both questions", margins, 2 * length(with_margin), "no margin is declared")
  if (NROW(new) != NROW(these)) return(invisible())
  for (i in seq_len(NROW(these))) {
    record <- as.list(these[i, ])
    beside_it <- as.list(new[i, ])
    people <- matched(record, rows)
    unit <- unit_of(people, plan$unit)
    y <- people$network - people$correct
    d <- means_by(y, people[[unit]], people$weight)
    name <- names(d)
    d <- as.vector(d)
    if (any(people$weight != 1)) d <- round(d, 12)                    # sums of weights that are the same must tie
    parts <- whole_parts(people$weight)
    k <- as.vector(tapply(parts * y, people[[unit]], sum))
    size <- as.vector(tapply(parts, people[[unit]], sum))
    grid <- lcm_up_to(size, 5e6)
    title("These images: ", named(record$model, paste("minus", record$group), record$view), ", paired over ", unit, "s")
    test <- paired(d, if (is.na(grid) || grid > 5e6) NA else k * (grid / size), plan$confidence)
    all_people <- sum(rows$kind == "human" & rows$group == record$group & rows$view == record$view)
    fields(record, c(test, readings = nrow(people), readings_without_model = all_people - nrow(people)))
    own <- units[units$model == record$model & units$group == record$group & units$view == record$view, ]
    beside("paired_units.csv, difference", numbers(own$difference[match(name, own$name)]), d)
    title("New images: ", named(record$model, paste("minus", record$group), record$view))
    fresh <- two_way_mean(y, people, plan$confidence)
    sds <- components(y, people$reader, people$item, people$truth)
    fields(beside_it, c(fresh, readings = length(y), se_these_images = test$se, se_ratio = fresh$se / test$se,
                        conclusions_differ = (fresh$p < plan$alpha) != (test$p < plan$alpha),
                        sd_reader = sds[1], sd_item = sds[2], sd_residual = sds[3]))
    check_equivalence(margins, record, list("these images" = test, "new images" = fresh), plan)
    family <- c(family, !nrow(plan$contrasts) || is_planned(record, plan$contrasts))
    p_these <- c(p_these, test$p)
    p_new <- c(p_new, fresh$p)
  }
  check_multiplicity(these, new, family, p_these, p_new, gains, plan)
}

# Two one-sided t-tests against the margin (Schuirmann 1987); the interval of confidence 1 - 2 alpha decides the same way.
within_margin <- function(estimate, test, margin, plan) {
  lower <- pt(-(estimate + margin) / test$se, test$df)
  upper <- pt((estimate - margin) / test$se, test$df)
  half <- qt(1 - plan$alpha, test$df) * test$se
  list(margin = margin, p_equivalent = max(lower, upper), p_noninferior = lower, equivalent = max(lower, upper) < plan$alpha,
       noninferior = lower < plan$alpha, ci_low = within_scale(estimate - half), ci_high = within_scale(estimate + half))
}
check_equivalence <- function(table, record, tests, plan) {
  for (told_record in each(table[table$model == record$model & table$group == record$group & table$view == record$view, ])) {
    test <- tests[[told_record$estimand]]
    estimate <- test[[intersect(c("mean_difference", "difference"), names(test))]]
    margin <- margin_of(record, plan)
    cat("  for ", told_record$estimand, ", within ", told(margin), "\n", sep = "")
    fields(told_record, c(difference = estimate, within_margin(estimate, test, margin, plan)))
  }
}

# The planned comparisons and gains are one family for each question; gains that are not planned are another, by BH.
check_multiplicity <- function(these, new, family, p_these, p_new, gains, plan) {
  title("Adjusted p values, ", plan$multiplicity, ", over the ", if (nrow(plan$contrasts)) "planned contrasts" else "comparisons (none is planned)")
  if (plan$multiplicity == "max-t") return(cat("  not covered: the largest t of bootstrap draws\n"))
  planned <- vapply(gains, function(gain) gain$planned, TRUE)
  for (question in c("these", "new")) {
    of_gains <- vapply(gains[planned], function(gain) as.numeric(gain[[question]]), 0)
    adjusted <- p_adjusted(c((if (question == "these") p_these else p_new)[family], of_gains), plan$multiplicity)
    own <- rep(NA, length(family))
    own[family] <- head(adjusted, sum(family))
    beside(paste0("adjusted p, ", question, " images"), numbers((if (question == "these") these else new)$p_adjusted), own)
    column <- if (question == "these") "these_images_p_adjusted" else "p_adjusted"
    told_p <- vapply(gains[planned], function(gain) numbers(gain$record[[column]]), 0)
    if (any(planned)) beside(paste0("adjusted p of planned gains, ", question, " images"), told_p, tail(adjusted, sum(planned)))
  }
  for (name in unique(vapply(gains, function(gain) gain$table, ""))) {
    others <- Filter(function(gain) gain$table == name && !gain$planned, gains)
    told_p <- vapply(others, function(gain) numbers(gain$record$p_adjusted), 0)
    p <- vapply(others, function(gain) as.numeric(gain$new), 0)
    if (length(others)) beside(paste0("adjusted p of gains not planned, ", name, ".csv"), told_p, p_adjusted(p, "bh"))
  }
}

check_contrasts <- function(open, rows, anchors, plan) {
  check_networks(open("networks"), rows)
  check_groups(open("groups"), rows, plan)
  check_views(open("views"), rows, anchors, plan)
}
pairs_of <- function(n) if (n > 1) combn(n, 2, simplify = FALSE) else list()

check_networks <- function(networks, rows) {
  sets <- split(rows[rows$kind == "model", ], paste(rows$reader, rows$view, sep = "\r")[rows$kind == "model"])
  meet <- function(a, b) (a$view[1] == b$view[1] || a$reader[1] == b$reader[1]) && any(a$item %in% b$item)
  expected <- sum(vapply(pairs_of(length(sets)), function(ij) meet(sets[[ij[1]]], sets[[ij[2]]]), TRUE))
  records("networks.csv: network x network, and a network's views", networks, expected, "there is one network on one view, or none")
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
}

check_groups <- function(groups, rows, plan) {
  human <- rows[rows$kind == "human", ]
  expected <- sum(choose(tapply(human$group, human$view, function(g) length(unique(g))), 2))
  records("groups.csv: group x group by view", groups, expected, "no view has two groups of readers")
  for (record in each(groups)) {
    own <- rows[rows$kind == "human" & rows$group %in% c(record$first, record$second) & rows$view == record$view, ]
    first <- own$group == record$first
    class <- strata_of(own$item, own$truth)
    share <- numeric(nrow(own))
    for (side in list(first, !first)) {
      w <- own$weight[side]
      share[side] <- (if (side[1] == first[1]) 1 else -1) * w / sum(w) * centred(own$correct[side], class[side], w)
    }
    v <- two_way(share, codes(own$reader), codes(own$item), class, means = 2)
    means <- lapply(split(own, !first), function(g) means_by(g$correct, g$reader, g$weight))
    of <- function(side) weighted.mean(own$correct[side], own$weight[side])
    title("Groups: ", named(record$first, paste("minus", record$second), record$view))
    fresh <- two_way_test(of(first) - of(!first), v, plan$confidence)
    spread <- min(lengths(means)) > 1 && sum(vapply(means, function(m) var(m) / length(m), 0)) > 1e-24
    further(record, fresh, if (spread) t.test(means[[1]], means[[2]], conf.level = plan$confidence) else no_test(NA), plan)
  }
}

check_views <- function(views, rows, anchors, plan) {
  human <- rows[rows$kind == "human" & rows$answer != "", ]
  network <- rows[rows$kind == "model", ]
  key <- paste(human$reader, human$survey, human$item, sep = "\r")
  expected <- 0                                                       # per group and two views: the readers, and each network beside
  seen <- unique(rows$view)
  for (two in pairs_of(length(seen))) {
    both <- key %in% intersect(key[human$view == seen[two[1]]], key[human$view == seen[two[2]]])
    networks <- sum(tapply(network$view, network$reader, function(view) all(seen[two] %in% view)))
    expected <- expected + length(unique(human$group[both])) * (1 + networks)
  }
  records("views.csv: one view minus another, within reader and item", views, expected, "nobody answered an item on two views in one sitting")
  for (record in each(views)) {
    side <- function(view) rows[rows$kind == "human" & rows$group == record$group & rows$view == view & rows$answer != "", ]
    pair <- merge(side(record$first_view), side(record$second_view), by = c("reader", "survey", "item", "truth"))
    pair$weight <- weights_of(data.frame(pair[c("item", "truth")], group = "", view = "", kind = "human"), anchors)
    gain <- pair$correct.y - pair$correct.x
    if (record$model != "") {
      marks <- function(view) {
        own <- network[network$reader == record$model & network$view == view, ]
        own$correct[match(pair$item, own$item)]
      }
      gain <- marks(record$second_view) - marks(record$first_view) - gain
    }
    pair <- pair[!is.na(gain), ]
    gain <- gain[!is.na(gain)]
    title("Views: ", named(record$contrast, record$group, record$model, paste(record$second_view, "minus", record$first_view)))
    further(record, two_way_mean(gain, pair, plan$confidence), t_of_readers(means_by(gain, pair$reader, pair$weight), plan), plan,
            list(pairs = length(gain)))
  }
}
# A record with the new-images test under the plain names and R's own t.test, of the readers, under these_images_.
further <- function(record, fresh, readers, plan, more = list()) {
  these <- list(se = readers$stderr, df = unname(readers$parameter), p = readers$p.value,
                ci_low = within_scale(readers$conf.int[1]), ci_high = within_scale(readers$conf.int[2]))
  fields(record, c(fresh[c("difference", "se", "df", "p", "ci_low", "ci_high")], setNames(these, paste0("these_images_", names(these))),
                   se_ratio = fresh$se / these$se, conclusions_differ = (fresh$p < plan$alpha) != (these$p < plan$alpha), more))
}
t_of_readers <- function(d, plan) {
  spread <- length(d) > 1 && sd(d) > 1e-12 * max(1, abs(mean(d)))
  if (spread) t.test(d, conf.level = plan$confidence) else no_test(if (length(d) > 1) length(d) - 1 else NA)
}
# What stands for t.test where readers are too few or all alike.
no_test <- function(df) list(stderr = NA, parameter = df, p.value = NA, conf.int = c(NA, NA))

check_agreement <- function(table, categories, rows, classes) {
  human <- rows[rows$kind == "human", ]
  records("agreement.csv: groups by view", table, nrow(unique(human[c("group", "view")])), "no person read anything")
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
    answers <- c(as_told(classes), if (any(own$answer == "")) "no answer")
    against_the_rest <- vapply(answers, function(name) {               # Fleiss' kappa of one answer against all others
      yes <- as_told(own$answer) == if (name == "no answer") "" else name
      agreement(unclass(table(item, factor(yes, c(TRUE, FALSE)))))[["fleiss"]]
    }, 0)
    beside("category_agreement.csv, kappa", numbers(by_class$kappa[match(answers, by_class$class)]), unname(against_the_rest))
  }
}

run(check, "readings.csv", "predictions.csv")
