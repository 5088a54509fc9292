"""The tasks of all examples, for one worker."""

from agent_tool_approval import work_on
from moderation import moderate
from onboarding_form import onboard
from replicate_webhook import draw
from third_party_job import transcode

__all__ = ["draw", "moderate", "onboard", "transcode", "work_on"]
