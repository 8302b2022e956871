# ---- Which rows count --------------------------------------------------------------------------------------------------

COLUMNS <- c("evaluator", "image", "question", "answer", "kind", "truth", "set", "label", "shown", "confidence", "parts", "rt_ms", "showing")

# All showings, one row per rater, image and question; value: of scales and frames.
prepared <- function(table, cells) {
  if (all(c("rater", "item", "value") %in% names(table))) table <- of_the_stimulus(table, cells)
  for (column in setdiff(COLUMNS, names(table))) table[[column]] <- rep("", nrow(table))
  rows <- table[COLUMNS]
  rows$kind <- tolower(rows$kind)
  kind_of <- function(truth) {
    named <- setdiff(tolower(truth), "")
    if (!length(named)) "scale" else if (all(named %in% c("real", "generated"))) "reality" else "choice"
  }
  inferred <- vapply(split(rows$truth, rows$question), kind_of, "")
  rows$kind <- ifelse(rows$kind == "", inferred[rows$question], rows$kind)
  reality <- rows$kind == "reality"
  rows[reality, c("truth", "answer")] <- lapply(rows[reality, c("truth", "answer")], tolower)
  rows$shown[rows$shown == ""] <- "single"
  rows$value <- ifelse(rows$kind %in% c("scale", "frame"), numbers(rows$answer), NA)
  rows[c("confidence", "parts", "rt_ms")] <- lapply(rows[c("confidence", "parts", "rt_ms")], numbers)
  told_names <- c("evaluator", "image", "question", "set", "label")
  rows[told_names] <- lapply(rows[told_names], as_told)
  rows$reader <- rows$evaluator
  rows$item <- rows$image
  rows$weight <- rep(1, nrow(rows))
  rows
}

quoted <- function(list) gsub('"', "", regmatches(list, gregexpr('"[^"]*"', list))[[1]], fixed = TRUE)
listed <- function(list) regmatches(list, gregexpr("[0-9]+", list))[[1]]
marked <- function(answered, given, one) if (!answered) "" else if (one %in% given) "yes" else "no"

# The exported table, sides and directions turned to those of the stimulus: the generated image of a pair stands right, a strip
# advances forward, its first fault is counted from its own first frame. What can be marked becomes one row per mark.
of_the_stimulus <- function(export, cells) {
  counts <- function(table) if ("analysed" %in% names(table)) table$analysed == "True" else rep(TRUE, nrow(table))
  export <- export[counts(export), ]
  export <- export[export$role == "rated" | export$question_kind %in% c("real_or_generated", "pair"), ]
  showing <- ifelse(export$role != "rated", "catch", ifelse(export$repeat_of != "", "again", ""))
  kind <- c(real_or_generated = "reality", pair = "choice", direction = "choice", class = "class", scale = "scale",
            plausibility = "scale", confidence = "scale", frame = "frame", several = "mark", choice = "mark", cells = "mark")
  asked <- export$question_kind
  rows <- data.frame(
    evaluator = export$rater, image = export$item, question = export$question, answer = export$value,
    kind = unname(kind[asked]), truth = ifelse(asked == "real_or_generated", export$truth, ifelse(asked == "class", export$label, "")),
    set = ifelse(export$stimulus_kind == "single" & export$truth == "real", "", export$condition), label = export$label,
    shown = export$stimulus_kind, confidence = ifelse(asked == "real_or_generated", export$confidence, ""),
    parts = vapply(strsplit(export$presented, " ", fixed = TRUE), length, 0),
    rt_ms = ifelse(asked %in% c("real_or_generated", "pair", "direction"), export$rt_ms, ""), showing = showing)
  other <- c(left = "right", right = "left", forward = "reversed", reversed = "forward")
  upright <- ifelse(asked == "pair", "right", "forward")
  sided <- asked %in% c("pair", "direction")
  turn <- sided & export$truth != upright & rows$answer %in% names(other)
  rows$answer[turn] <- other[rows$answer[turn]]
  rows$truth[sided] <- upright[sided]
  back <- asked == "frame" & export$truth == "reversed" & !rows$answer %in% c("", "0")
  rows$answer[back] <- rows$parts[back] + 1 - as.numeric(rows$answer[back])
  whole <- !is.na(rows$kind) & rows$kind != "mark" & !(asked == "class" & rows$label == "")
  rbind(rows[whole, ], marks_of(rows, asked), cells_of(rows[asked == "cells", ], if (!is.null(cells)) cells[counts(cells), ]))
}

# One row per mark and question: every answer that some rater gave at a first showing could have been given by all.
marks_of <- function(rows, asked) {
  given_in <- function(i) if (asked[i] == "several") quoted(rows$answer[i]) else rows$answer[i]
  mine <- which(asked %in% c("several", "choice"))
  given <- lapply(mine, given_in)
  parts <- lapply(unique(rows$question[mine]), function(question) {
    own <- rows$question[mine] == question
    seen <- unique(unlist(given[own & rows$showing[mine] == "" & rows$answer[mine] != ""]))
    do.call(rbind, lapply(seen, function(mark) {
      one <- rows[mine[own], ]
      one$answer <- mapply(marked, one$answer != "", given[own], mark)
      one$question <- paste0(question, ": ", mark)
      one
    }))
  })
  do.call(rbind, parts)
}

# One row per cell of every grid; the cell is an image of its own.
cells_of <- function(rows, cells) {
  if (!nrow(rows)) return(rows)
  if (is.null(cells)) {
    own <- rows[rep(seq_len(nrow(rows)), rows$parts), ]
    cell <- sequence(rows$parts)
    own$answer <- mapply(function(answer, cell) marked(answer != "", listed(answer), cell), own$answer, cell)
  } else {
    key <- function(rater, item, question, showing) paste(rater, item, question, showing, sep = "\r")
    again <- ifelse(cells$repeat_of != "", "again", "")
    place <- match(key(cells$rater, cells$item, cells$question, again), key(rows$evaluator, rows$image, rows$question, rows$showing))
    own <- rows[place[!is.na(place)], ]
    cell <- cells$cell[!is.na(place)]
    own$answer <- cells$marked[!is.na(place)]
  }
  own$image <- paste(own$image, "cell", cell)
  own
}

