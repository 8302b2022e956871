
# ---- Gains: the second answer minus the first, with a network's output in sight, or without any (control) ---------------

check_gains <- function(open, rows, plan) {
  people <- rows[rows$kind == "human", ]
  asked <- tolower(people$asked_again) %in% c("yes", "1", "true") | people$assistant != "" | people$assisted_answer != ""
  people <- people[asked & (plan$missing != "excluded" | people$assisted_answer != ""), ]
  people$alone <- people$correct
  people$assisted <- as.numeric(people$assisted_answer == people$truth)
  people$seen <- as.numeric(people$assistant_answer == people$truth)
  people$gain <- people$assisted - people$alone
  sets <- split(people, paste(people$assistant, people$group, people$view, sep = "\r"), drop = TRUE)
  with_output <- Filter(function(own) own$assistant[1] != "", sets)
  controls <- Filter(function(own) own$assistant[1] == "", sets)
  if (!length(with_output)) controls <- list()                        # a control arm alone is compared with nothing
  arm_of <- function(own) Filter(function(other) other$group[1] == own$group[1] && other$view[1] == own$view[1], controls)
  beside_control <- Filter(function(own) length(arm_of(own)) > 0, with_output)
  none <- "nobody was asked again with a network's output in sight"
  expected <- list(assistance = with_output, assistance_control = controls, assistance_difference = beside_control)
  found <- list()
  for (name in names(expected)) {
    table <- open(name)
    records(paste0(name, ".csv"), table, length(expected[[name]]), if (length(with_output)) "there is no control arm" else none)
    for (record in each(table)) {
      assistant <- if (name == "assistance_control") "" else record$assistant
      own <- people[people$assistant == assistant & people$group == record$group & people$view == record$view, ]
      title(name, ": ", named(assistant, record$group, record$view))
      arm <- people[people$assistant == "" & people$group == record$group & people$view == record$view, ]
      p <- if (name == "assistance_difference") check_difference(record, own, arm, plan) else check_gain(record, own, rows, plan)
      what <- if (name == "assistance_difference") "gain beyond a second look" else "gain"
      planned <- assistant != "" && is_planned(list(model = assistant, group = record$group, view = record$view), plan$contrasts, what)
      found <- c(found, list(list(table = name, record = record, planned = planned, new = p$new, these = p$these)))
    }
  }
  found
}

check_gain <- function(record, own, rows, plan) {
  scored <- if (plan$missing == "excluded") own[own$assistant_answer != "", ] else own
  shares <- list()
  for (side in c("alone", "assisted", "network")) {
    of <- if (side == "network") scored else own
    marks <- of[[if (side == "network") "seen" else side]]
    interval <- share_interval(marks, of, TRUE, plan$confidence)
    shares[paste0("accuracy_", side, c("", "_ci_low", "_ci_high"))] <- c(weighted.mean(marks, of$weight), interval)
  }
  if (is.null(record$assistant)) shares <- shares[1:6]                # no network in a control arm
  elsewhere <- rows$kind == "human" & rows$group == record$group & rows$view == record$view
  control <- elsewhere & rows$assistant == "" & (tolower(rows$asked_again) %in% c("yes", "1", "true") | rows$assisted_answer != "")
  fresh <- two_way_mean(own$gain, own, plan$confidence)
  sds <- components(own$gain, own$reader, own$item, own$truth)
  name <- if (is.null(record$assistant)) "" else record$assistant
  both_tests(record, fresh, means_by(own$gain, own$reader, own$weight), plan, "gain", c(shares, list(
    readings = nrow(own), readings_without = sum(elsewhere & !control & rows$assistant != name), answered_alone = sum(own$answer != ""),
    answered_assisted = sum(own$assisted_answer != ""), gained = sum(own$gain > 0), lost = sum(own$gain < 0),
    sd_reader = sds[1], sd_item = sds[2], sd_residual = sds[3])))
}

# The gain with output minus the gain without. Within arm and class the few readings lose one to their mean, so what is left is
# stretched by sqrt(n / (n - 1)); a reader of both arms is centred once, so one mean of readers is lost, else two.
check_difference <- function(record, own, arm, plan) {
  both <- rbind(own, arm)
  first <- seq_len(nrow(both)) <= nrow(own)
  class <- codes(strata_of(both$item, both$truth))
  few <- vapply(list(first, !first), function(side) min(tabulate(class[side], max(class))), 0)
  if (min(few) < 2) class <- rep(1, nrow(both))
  share <- numeric(nrow(both))
  for (side in list(first, !first)) {
    w <- both$weight[side]
    n <- as.vector(table(class[side])[as.character(class[side])])
    stretched <- centred(both$gain[side], class[side], w) * sqrt(n / pmax(n - 1, 1))
    share[side] <- (if (side[1]) 1 else -1) * w / sum(w) * stretched
  }
  readers <- intersect(own$reader, arm$reader)
  v <- two_way(share, codes(both$reader), codes(both$item), class, means = if (length(readers)) 1 else 2)
  gain <- c(weighted.mean(own$gain, own$weight), weighted.mean(arm$gain, arm$weight))
  mean_of <- function(rows) means_by(rows$gain, rows$reader, rows$weight)[readers]
  both_tests(record, two_way_test(gain[1] - gain[2], v, plan$confidence), mean_of(own) - mean_of(arm), plan, "gain beyond a second look",
             list(readings = nrow(both), readings_with = nrow(own), readings_control = nrow(arm), gain_with = gain[1], gain_control = gain[2]))
}

both_tests <- function(record, fresh, by_reader, plan, what, more) {
  margin <- if (is.null(record$assistant)) numbers(plan$margin) else
    margin_of(list(model = record$assistant, group = record$group, view = record$view), plan, what)
  equal <- if (is.na(margin)) list() else within_margin(fresh$difference, fresh, margin, plan)[1:5]
  test <- t_of_readers(as.vector(by_reader), plan)
  further(record, fresh, test, plan, c(more, equal, list(
    these_images_difference = if (length(by_reader)) mean(by_reader) else NA, readers = fresh$readers, items = fresh$items,
    var_reader = fresh$var_reader, var_item = fresh$var_item, var_both = fresh$var_both)))
  list(new = fresh$p, these = test$p.value)
}
