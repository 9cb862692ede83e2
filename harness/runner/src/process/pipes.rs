//! What a worker writes, read by threads of the runner: whole lines of its answers, the last words of its standard error.

use std::io::{BufRead, BufReader, Read};
use std::sync::mpsc::SyncSender;
use std::sync::{Mutex, PoisonError};

use zktee_core::protocol::MAX_LINE_BYTES;
use zktee_core::vocabulary::CellId;

use crate::folder::Log;

/// How much of a worker's standard error is kept for the reason of its death.
const LAST_WORDS_BYTES: usize = 600;

/// A line of a worker's standard output.
#[derive(Debug)]
pub(super) enum Line {
    Whole(Vec<u8>),
    TooLong,
}

/// At most two lines wait here: a worker that floods its output is held up by the pipe, not by the runner's memory.
pub(super) fn forward_lines(stdout: impl Read, sender: &SyncSender<Line>) {
    let mut reader = BufReader::new(stdout);
    loop {
        let mut line = Vec::new();
        match reader.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let line = match line.pop() {
            Some(b'\n') => Line::Whole(line),
            // The output ended within a line, or the line is too long. Either way there is no answer in it.
            _ if (line.len() as u64) + 1 < MAX_LINE_BYTES => return,
            _ => Line::TooLong,
        };
        if sender.send(line).is_err() {
            return;
        }
    }
}

pub(super) fn keep_last_words(stderr: impl Read, last_words: &Mutex<Vec<u8>>, log: &Log, cell: &CellId) {
    let mut reader = BufReader::new(stderr);
    let mut line = Vec::new();
    loop {
        line.clear();
        match reader.by_ref().take(4096).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        log.worker(cell, &String::from_utf8_lossy(&line));
        let mut words = last_words.lock().unwrap_or_else(PoisonError::into_inner);
        words.extend_from_slice(&line);
        let excess = words.len().saturating_sub(LAST_WORDS_BYTES);
        words.drain(..excess);
    }
}

pub(super) fn shortened(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(&line[..line.len().min(120)]);
    if line.len() > 120 { format!("{text}…") } else { text.into_owned() }
}
