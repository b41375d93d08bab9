"""The dialects that other people's clients speak: OpenAI's, that of Text Embeddings Inference, and the rerankers'."""
