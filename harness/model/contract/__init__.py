"""The contract: what any correct kernel keeps."""
