//! A language model's response as it comes.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::{Client, ClientError, Next};
use crate::message::{Answer, Ask, Generate, Generated, Piece};
use crate::transcript::Transcript;

/// How long a response is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For the first token, before which the model may have to be made ready and reads the prompt.
    pub first: Duration,
    /// From one token to the next, and from the last to the whole.
    pub piece: Duration,
    /// For all of it; the whole bound of a response that is not streamed.
    pub total: Duration,
}

impl Client {
    /// Asks a language model, and gives the request's number and the response. `on_piece` is told of each token as it comes, where they are
    /// asked for; if it breaks, the request is given up, and the worker stops.
    ///
    /// # Errors
    ///
    /// As [`Client::call`]; [`ClientError::Disagreement`] when the whole is not what was streamed; [`ClientError::Abandoned`] when
    /// `on_piece` broke.
    pub fn generate(
        &self,
        ask: Generate,
        patience: &Patience,
        on_piece: &mut dyn FnMut(&Piece) -> ControlFlow<()>,
    ) -> Result<(u64, Generated), ClientError> {
        let deadline = Instant::now() + patience.total;
        let (stream, most, mut transcript) = (ask.stream, ask.max_tokens, Transcript::new(ask.max_tokens));
        let mut pending = self.start(Ask::Generate(Box::new(ask)))?;
        let mut step = if stream { patience.first } else { patience.total };
        loop {
            match pending.next_until(deadline.min(Instant::now() + step))? {
                Next::Partial(Answer::Piece(piece)) => {
                    transcript.take(&piece)?;
                    step = patience.piece;
                    if on_piece(&piece).is_break() {
                        return Err(ClientError::Abandoned);
                    }
                }
                Next::Last(Answer::Generated(generated)) if generated.tokens.len() <= most as usize => {
                    if stream {
                        transcript.check(&generated)?;
                    }
                    return Ok((pending.id(), *generated));
                }
                _ => return Err(ClientError::Mismatch),
            }
        }
    }
}
