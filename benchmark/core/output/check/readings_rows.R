# ---- Which rows count --------------------------------------------------------------------------------------------------

instant <- function(text) {                                           # ISO 8601 to seconds since 1970, UTC
  pattern <- "^(\\d{4})-?(\\d\\d)-?(\\d\\d)(?:[T ](\\d\\d):?(\\d\\d)?(?::?(\\d\\d(?:[.,]\\d+)?))?)?(Z|[+-]\\d\\d:?(?:\\d\\d)?)?$"
  vapply(regmatches(text, regexec(pattern, text, perl = TRUE)), function(m) {
    if (!length(m)) return(NA_real_)
    part <- ifelse(m[5:7] == "", 0, numbers(sub(",", ".", m[5:7])))
    zone <- sub(":", "", m[8])
    shift <- if (zone %in% c("", "Z")) 0 else
      (if (substr(zone, 1, 1) == "-") -60 else 60) * (60 * numbers(substr(zone, 2, 3)) + sum(numbers(substr(zone, 4, 5)), na.rm = TRUE))
    as.numeric(as.Date(paste(m[2:4], collapse = "-"))) * 86400 + sum(part * c(3600, 60, 1)) - shift
  }, 0)
}

COLUMNS <- c("reader", "group", "kind", "survey", "view", "item", "truth", "answer", "completed_at", "anchor",
             "assistant", "assistant_answer", "assisted_answer", "asked_again", "block", "position")

prepared <- function(readings, predictions, plan) {
  for (column in setdiff(c(COLUMNS, "showing"), names(readings))) readings[[column]] <- rep("", nrow(readings))
  rows <- readings[readings$showing != "2", COLUMNS]
  rows$kind <- ifelse(rows$kind == "", "human", tolower(rows$kind))
  network <- rows$kind == "model"                                     # a network reads an image once, in however many surveys
  rows <- rows[!(network & duplicated(rows[c("kind", "reader", "item", "view")])), ]
  if (!is.null(predictions)) rows <- rbind(rows, answers_of(predictions, rows))
  if (plan$completion_threshold != "") rows <- complete_sittings(rows, plan)
  classes <- unique(c(rows$truth, rows$answer[rows$answer != ""]))
  anchors <- unique(rows$item[tolower(rows$anchor) == "yes" & rows$kind == "human"])
  if (plan$missing == "excluded") rows <- rows[rows$answer != "", ]
  rows$correct <- as.numeric(rows$answer == rows$truth)               # no answer counts as wrong
  rows$weight <- weights_of(rows, anchors)
  list(rows = rows, classes = classes, anchors = anchors)
}

# Every reading weighs 1. Where some items are read by everybody (column anchor), each of these weighs, within group, view and
# class, as much as an average other item: by the mean number of readings of the others over that of its own.
weights_of <- function(rows, anchors) {
  weight <- rep(1, nrow(rows))
  human <- rows$kind == "human"
  marked <- human & rows$item %in% anchors
  if (!any(marked)) return(weight)
  class <- paste(rows$group, rows$view, rows$truth, sep = "\r")
  cell <- paste(class, rows$item, sep = "\r")
  times <- table(cell[human])
  other <- human & !marked & !duplicated(cell)
  usual <- tapply(as.vector(times[cell[other]]), class[other], mean)
  share <- as.vector(usual[class[marked]]) / as.vector(times[cell[marked]])
  weight[marked] <- ifelse(is.na(share), 1, share)
  weight
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
  found <- data.frame(reader = shown$model, group = shown$model, kind = "model", view = shown$view, item = shown$item,
                      truth = shown$truth, answer = sub("^p_", "", columns)[max.col(p, "first")])
  found[setdiff(COLUMNS, names(found))] <- ""
  found[COLUMNS]
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

