"""A file that says most of what one can, and how it is read."""

from tokenfall import config
from tokenfall.config import Endpoint, FileConfig, Folders, Options, Settings

WHOLE = """\
model = "groq/llama-3"
model_file = "models/own.gguf"
system = "Be brief."
max_tokens = 300
temperature = 1
theme = "light"
mouse = false

[keys]
stop = "ctrl+x"
send = "enter, f2"

[endpoints.groq]
base_url = "https://api.groq.com/openai/v1/"
api_key_env = "GROQ_API_KEY"
headers = { X-Title = "tokenfall" }

[endpoints.lab]
wire = "openai-chat"
base_url = "http://localhost:8000/v1"
model = "qwen"
"""

GROQ = Endpoint("groq", "openai-chat", "https://api.groq.com/openai/v1", headers=(("X-Title", "tokenfall"),), api_key_env="GROQ_API_KEY")
LAB = Endpoint("lab", "openai-chat", "http://localhost:8000/v1", "qwen")

EVERY_WIRE = ("openai-chat", "openai-responses", "anthropic", "gemini", "ollama")
SERVICES = (
    *("openai", "anthropic", "gemini", "openrouter", "groq", "mistral", "deepseek", "xai"),
    *("ollama", "lmstudio", "llamacpp", "vllm"),
)


def load(where: Folders, text: str | bytes) -> FileConfig:
    where.config_file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return config.load(where)


def settings(where: Folders, options: Options | None = None, text: str = "", **env: str) -> Settings:
    return config.settings(options or Options(), load(where, text), env, where)
