//! Who waits for which answer, and whose turn it is to read.

use std::collections::{HashMap, VecDeque};
use std::thread::Thread;

use super::ClientError;
use crate::message::Answer;

#[derive(Default)]
pub(super) struct State {
    slots: HashMap<u64, Slot>,
    reading: bool,
    failure: Option<ClientError>,
}

#[derive(Default)]
struct Slot {
    answer: Option<Result<Answer, ClientError>>,
    waiter: Option<Thread>,
    partials: Partials,
}

/// Partial answers of a request that nobody has fetched yet.
#[derive(Default)]
struct Partials {
    waiting: VecDeque<Answer>,
    /// How many more may come.
    left: u32,
}

/// What a waiting thread is to do next.
pub(super) enum Turn {
    Done(Result<Answer, ClientError>),
    /// A partial answer; more will come.
    Partial(Answer),
    /// Read the channel for all; whoever is told so must call [`State::stop_reading`].
    Read,
    Wait,
}

impl State {
    /// Begins to wait for an answer to `id`, which at most so many partial ones may precede.
    pub(super) fn open(&mut self, id: u64, partials: u32) -> Result<(), ClientError> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        let partials = Partials { left: partials, ..Partials::default() };
        self.slots.insert(id, Slot { partials, ..Slot::default() });
        Ok(())
    }

    pub(super) fn turn(&mut self, id: u64, me: Thread) -> Turn {
        let Some(slot) = self.slots.get_mut(&id) else { return Turn::Done(Err(ClientError::Mismatch)) };
        if let Some(partial) = slot.partials.waiting.pop_front() {
            return Turn::Partial(partial);
        }
        if let Some(answer) = slot.answer.take() {
            return Turn::Done(answer);
        }
        if let Some(failure) = &self.failure {
            return Turn::Done(Err(failure.clone()));
        }
        if self.reading {
            slot.waiter = Some(me);
            return Turn::Wait;
        }
        // Whoever reads is awake and needs no waking.
        slot.waiter = None;
        self.reading = true;
        Turn::Read
    }

    pub(super) fn stop_reading(&mut self) {
        self.reading = false;
    }

    /// An answer. One that nobody waits for any more is dropped; a partial one that cannot be makes the request fail.
    pub(super) fn deliver(&mut self, id: u64, answer: Answer) {
        if let Some(slot) = self.slots.get_mut(&id) {
            if !answer.is_partial() {
                slot.answer.get_or_insert(Ok(answer));
            } else if slot.answer.is_none() && slot.partials.left > 0 {
                slot.partials.left -= 1;
                slot.partials.waiting.push_back(answer);
            } else {
                slot.partials = Partials::default();
                slot.answer = Some(Err(ClientError::Mismatch));
            }
            if let Some(waiter) = slot.waiter.take() {
                waiter.unpark();
            }
        }
    }

    /// Gives up what `id` was about, and wakes another to read if nobody does.
    pub(super) fn leave(&mut self, id: u64) {
        self.slots.remove(&id);
        self.pass_on();
    }

    /// Wakes one who waits, to read if nobody does.
    pub(super) fn pass_on(&mut self) {
        if !self.reading {
            let waiting = self.slots.values_mut().find(|slot| slot.answer.is_none() && slot.waiter.is_some());
            if let Some(waiter) = waiting.and_then(|slot| slot.waiter.take()) {
                waiter.unpark();
            }
        }
    }

    /// Nothing more will come: all who wait are told at once. The first reason stays.
    pub(super) fn fail(&mut self, error: ClientError) {
        self.failure.get_or_insert(error);
        for waiter in self.slots.values_mut().filter_map(|slot| slot.waiter.take()) {
            waiter.unpark();
        }
    }

    pub(super) fn failure(&self) -> Option<ClientError> {
        self.failure.clone()
    }
}
