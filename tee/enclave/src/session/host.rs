//! The host's end of a session.

use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use snow::TransportState;
use zktee_attestation::{Policy, Rejected, verify};
use zktee_enclave_protocol::{
    Answer, Ask, Client, ClientError, Generate, Generated, Malformed, MessageError, Next, Nonce, Patience, Piece,
    Request, Response, Transcript,
};

use super::{HANDSHAKE, OFFER, SHAKE, open, parameters, purpose, seal};

/// Why there is no session, or no answer in it.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The channel.
    #[error(transparent)]
    Channel(#[from] ClientError),
    /// The document about the session's key was not accepted.
    #[error("the session's document: {0}")]
    Document(#[from] Rejected),
    /// The document holds no key of a session.
    #[error("the session's document holds no public key")]
    NoKey,
    /// Keys do not fit, or something sealed was changed, repeated or lost.
    #[error("the encrypted session: {0}")]
    Noise(#[from] snow::Error),
    /// A request that is no message of the protocol.
    #[error("the request cannot be sent: {0}")]
    Request(#[from] Malformed),
    /// What was sealed is no message of the protocol.
    #[error("the sealed answer is no message: {0}")]
    Answer(#[from] MessageError),
}

/// An encrypted session over a channel. It ends with the channel.
pub struct Session {
    client: Client,
    state: Mutex<State>,
}

struct State {
    transport: TransportState,
    /// The number of the last request.
    last: u64,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Keys stay out of logs.
        f.write_str("Session")
    }
}

impl Session {
    /// Opens a session with an enclave whose document about its key holds under this policy. The policy's nonce and user data are
    /// set here.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn open(client: &Client, policy: &Policy, nonce: &Nonce, patience: Duration) -> Result<Self, SessionError> {
        let offer = [&[OFFER], nonce.as_bytes()].concat();
        let document = exchange(client, offer, patience)?;
        let policy =
            Policy { nonce: Some(nonce.as_bytes().to_vec()), user_data: Some(purpose().to_vec()), ..policy.clone() };
        let verified = verify(&document, &policy)?;
        let key = verified.content().public_key.as_ref().ok_or(SessionError::NoKey)?;
        let (pattern, prologue) = parameters(&document);
        let mut handshake =
            snow::Builder::new(pattern).prologue(&prologue)?.remote_public_key(key)?.build_initiator()?;
        let mut first = vec![0; 1 + HANDSHAKE];
        first[0] = SHAKE;
        let length = handshake.write_message(&[], &mut first[1..])?;
        first.truncate(1 + length);
        let second = exchange(client, first, patience)?;
        handshake.read_message(&second, &mut [])?;
        let transport = handshake.into_transport_mode()?;
        Ok(Self { client: client.clone(), state: Mutex::new(State { transport, last: 0 }) })
    }

    /// Asks and waits for the answer, and says which number the request had. One request at a time: others wait.
    ///
    /// # Errors
    /// [`SessionError`]; after one of [`SessionError::Noise`] the session is of no use any more.
    pub fn call(&self, ask: Ask, patience: Duration) -> Result<(u64, Answer), SessionError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (id, payload) = state.request(ask)?;
        let Answer::Sealed { payload } = self.client.call(Ask::Sealed { payload }, patience)? else {
            return Err(ClientError::Mismatch.into());
        };
        Ok((id, state.answer(id, &payload)?))
    }

    /// Asks a language model, as [`Client::generate`] does in the open; says which number the request had within the session. Pieces are
    /// sealed in their order: one that is lost or out of order does not open. A response that was given up ends the session.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn generate(
        &self,
        ask: Generate,
        patience: &Patience,
        on_piece: &mut dyn FnMut(&Piece) -> ControlFlow<()>,
    ) -> Result<(u64, Generated), SessionError> {
        let deadline = Instant::now() + patience.total;
        let (stream, most, mut transcript) = (ask.stream, ask.max_tokens, Transcript::new(ask.max_tokens));
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (id, payload) = state.request(Ask::Generate(Box::new(ask)))?;
        let mut pending = self.client.start_streaming(Ask::Sealed { payload }, if stream { most } else { 0 })?;
        let mut step = if stream { patience.first } else { patience.total };
        loop {
            let left = deadline.saturating_duration_since(Instant::now()).min(step);
            let answer = match pending.next(left)? {
                Next::Partial(Answer::SealedPiece { payload }) => state.answer(id, &payload)?,
                Next::Last(Answer::Sealed { payload }) => match state.answer(id, &payload)? {
                    // Whoever carries it cannot make a piece the last answer, nor the last a piece.
                    Answer::Generated(generated) if generated.tokens.len() <= most as usize => {
                        if stream {
                            transcript.check(&generated).map_err(ClientError::from)?;
                        }
                        return Ok((id, *generated));
                    }
                    _ => return Err(ClientError::Mismatch.into()),
                },
                _ => return Err(ClientError::Mismatch.into()),
            };
            let Answer::Piece(piece) = answer else { return Err(ClientError::Mismatch.into()) };
            transcript.take(&piece).map_err(ClientError::from)?;
            step = patience.piece;
            if on_piece(&piece).is_break() {
                return Err(ClientError::Abandoned.into());
            }
        }
    }
}

impl State {
    /// A request, numbered and sealed.
    fn request(&mut self, ask: Ask) -> Result<(u64, Vec<u8>), SessionError> {
        self.last += 1;
        let mut message = Vec::new();
        Request { id: self.last, ask }.encode(&mut message)?;
        Ok((self.last, seal(&mut self.transport, &message)?))
    }

    /// What was sealed in answer to a request. An error comes as [`ClientError::Worker`].
    fn answer(&mut self, id: u64, sealed: &[u8]) -> Result<Answer, SessionError> {
        let message = open(&mut self.transport, sealed)?;
        match Response::decode(&message)? {
            Response { id: of, answer: Answer::Error { kind, message } } if of == id => {
                Err(ClientError::Worker { kind, message }.into())
            }
            Response { id: of, answer } if of == id => Ok(answer),
            _ => Err(ClientError::Mismatch.into()),
        }
    }
}

fn exchange(client: &Client, payload: Vec<u8>, patience: Duration) -> Result<Vec<u8>, SessionError> {
    match client.call(Ask::OpenSession { payload }, patience)? {
        Answer::SessionOpened { payload } => Ok(payload),
        _ => Err(ClientError::Mismatch.into()),
    }
}
