//! The workloads of `zktee_models` as the runner uses them.
