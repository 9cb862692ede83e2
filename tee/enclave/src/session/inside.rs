//! The enclave's end of a session: one a channel.

use snow::{Keypair, TransportState};
use zktee_attestation::{AttestationRequest, Nsm};
use zktee_enclave_protocol::{Answer, Ask, Caller, ErrorKind, Nonce, Partial, Request, Response};

use super::{HANDSHAKE, OFFER, SHAKE, open, parameters, purpose, seal};

/// How far a channel's session is.
pub(crate) enum Seat {
    /// A key was attested; the host's part of the handshake is to come.
    Offered {
        /// The session's own key.
        key: Keypair,
        /// The document about it.
        document: Vec<u8>,
    },
    /// Sealed requests are taken.
    Open(Box<TransportState>),
}

impl Seat {
    /// Draws a key and has it attested: what `OpenSession` with a nonce gives.
    fn offer(nsm: &dyn Nsm, nonce: &[u8]) -> Result<(Self, Vec<u8>), Answer> {
        let nonce = Nonce::new(nonce).map_err(|error| refused(format!("the session's nonce: {error}")))?;
        let (pattern, _) = parameters(&[]);
        let key = snow::Builder::new(pattern).generate_keypair().map_err(failed)?;
        let request = AttestationRequest {
            nonce: Some(nonce.as_bytes().to_vec()),
            user_data: Some(purpose().to_vec()),
            public_key: Some(key.public.clone()),
        };
        let document = nsm.attest(&request).map_err(failed)?;
        Ok((Self::Offered { key, document: document.clone() }, document))
    }

    /// Answers `OpenSession`: `seat` is the channel's session so far. A refusal leaves none.
    pub(crate) fn next(seat: Option<Self>, nsm: &dyn Nsm, payload: &[u8]) -> (Option<Self>, Answer) {
        let result = match (payload.split_first(), seat) {
            (Some((&OFFER, nonce)), _) => Self::offer(nsm, nonce),
            (Some((&SHAKE, message)), Some(Self::Offered { key, document })) => shake(&key, &document, message),
            (Some((&SHAKE, _)), _) => Err(refused("ask for the session's document first")),
            _ => Err(refused("a session is opened by a nonce or by a handshake")),
        };
        match result {
            Ok((seat, payload)) => (Some(seat), Answer::SessionOpened { payload }),
            Err(answer) => (None, answer),
        }
    }

    /// Opens a sealed request, has it answered, seals the answer. An error that is not sealed ends the session.
    pub(crate) fn sealed(
        &mut self,
        caller: Caller,
        payload: &[u8],
        partial: &mut dyn Partial,
        answer: impl FnOnce(Caller, &Ask, &mut dyn Partial) -> Answer,
    ) -> Result<Answer, Answer> {
        let Self::Open(transport) = self else { return Err(refused("the session's handshake is not done")) };
        let message = open(transport, payload).map_err(|_| refused("a sealed request that does not open"))?;
        let Request { id, ask } = Request::decode(&message).map_err(|error| refused(error.to_string()))?;
        let mut pieces = SealedPieces { transport, id, outside: partial };
        let answer = answer(Caller { request: id, ..caller }, &ask, &mut pieces);
        let mut message = Vec::new();
        Response { id, answer }.encode(&mut message).map_err(failed)?;
        Ok(Answer::Sealed { payload: seal(transport, &message).map_err(failed)? })
    }
}

/// Partial answers of a sealed request: sealed in their order, ahead of the last.
struct SealedPieces<'a> {
    transport: &'a mut TransportState,
    id: u64,
    outside: &'a mut dyn Partial,
}

impl Partial for SealedPieces<'_> {
    fn send(&mut self, answer: Answer) -> bool {
        if !answer.is_partial() || !self.is_wanted() {
            return false;
        }
        let mut message = Vec::new();
        let encoded = Response { id: self.id, answer }.encode(&mut message);
        // One that was sealed and not sent would be missed by whoever opens the next.
        let sealed = encoded.ok().and_then(|()| seal(self.transport, &message).ok());
        sealed.is_some_and(|payload| self.outside.send(Answer::SealedPiece { payload }))
    }

    fn is_wanted(&self) -> bool {
        self.outside.is_wanted()
    }
}

fn shake(key: &Keypair, document: &[u8], message: &[u8]) -> Result<(Seat, Vec<u8>), Answer> {
    let (pattern, prologue) = parameters(document);
    let handshake = snow::Builder::new(pattern)
        .prologue(&prologue)
        .and_then(|builder| builder.local_private_key(&key.private))
        .and_then(snow::Builder::build_responder);
    let mut handshake = handshake.map_err(failed)?;
    let wrong = |_| refused("a handshake that does not fit the session's document");
    handshake.read_message(message, &mut []).map_err(wrong)?;
    let mut second = vec![0; HANDSHAKE];
    let length = handshake.write_message(&[], &mut second).map_err(failed)?;
    second.truncate(length);
    Ok((Seat::Open(Box::new(handshake.into_transport_mode().map_err(failed)?)), second))
}

fn refused(message: impl Into<String>) -> Answer {
    Answer::error(ErrorKind::BadInput, message)
}

fn failed(error: impl std::fmt::Display) -> Answer {
    Answer::error(ErrorKind::Failed, error.to_string())
}
