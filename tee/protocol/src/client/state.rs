//! Who waits for which answer, and whose turn it is to read.

use std::collections::HashMap;
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
    answer: Option<Answer>,
    waiter: Option<Thread>,
}

/// What a waiting thread is to do next.
pub(super) enum Turn {
    Done(Result<Answer, ClientError>),
    /// Read the channel for all; whoever is told so must call [`State::stop_reading`].
    Read,
    Wait,
}

impl State {
    pub(super) fn open(&mut self, id: u64) -> Result<(), ClientError> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        self.slots.insert(id, Slot::default());
        Ok(())
    }

    pub(super) fn turn(&mut self, id: u64, me: Thread) -> Turn {
        let Some(slot) = self.slots.get_mut(&id) else { return Turn::Done(Err(ClientError::Mismatch)) };
        if let Some(answer) = slot.answer.take() {
            return Turn::Done(Ok(answer));
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

    /// An answer. One that nobody waits for any more is dropped.
    pub(super) fn deliver(&mut self, id: u64, answer: Answer) {
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.answer = Some(answer);
            if let Some(waiter) = slot.waiter.take() {
                waiter.unpark();
            }
        }
    }

    /// Gives up what `id` was about, and wakes another to read if nobody does.
    pub(super) fn leave(&mut self, id: u64) {
        self.slots.remove(&id);
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
