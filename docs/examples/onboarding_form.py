"""A form in three steps: the run asks one after the other, checks in between, and asks again where it must.

Each step is a token. The page of your product shows the form and completes the token with its public access token,
from the browser; this program plays that page in the terminal.

    waitpoint worker onboarding_form
    python onboarding_form.py acme
"""

import asyncio
import json
import sys
from typing import Any

from pydantic import BaseModel, Field

from waitpoint import AsyncWaitpoint, step, task, wait

STEPS = 3


class Company(BaseModel):
    name: str = Field(min_length=1)
    country: str = Field(pattern="^[A-Z]{2}$")


class Contact(BaseModel):
    email: str = Field(pattern=r"^\S+@\S+$")


class Terms(BaseModel):
    accepted: bool


@step
async def ask_the_page(customer: str, title: str, number: int, public_access_token: str, complaint: str) -> None:
    """Tell the customer's page what to show next: a row that it reads, a message on a socket, a mail."""
    print(f"{customer}: step {number} of {STEPS}, {title} {complaint}".rstrip(), flush=True)


@step
async def complaint_about(company: Company) -> str:
    """Whether the register knows the company. A stand-in that has never heard of Atlantis."""
    return "We cannot find this company there." if company.country == "AT" and "Atlantis" in company.name else ""


async def answer_to(customer: str, number: int, title: str, form: type[BaseModel], complaint: str = "") -> Any:
    """One step: a week of patience, and an answer that fits its form."""
    tags = [f"onboarding:{customer}", f"step:{number}"]
    token = await wait.create_token(timeout="7d", tags=tags)
    await ask_the_page(customer, title, number, token.public_access_token, complaint)
    return await wait.for_token(token, form).unwrap()


@task(id="onboarding")
async def onboard(customer: str) -> dict[str, Any]:
    company = await answer_to(customer, 1, "Your company", Company)
    while complaint := await complaint_about(company):
        company = await answer_to(customer, 1, "Your company", Company, complaint)
    contact = await answer_to(customer, 2, "Whom we write to", Contact)
    terms = await answer_to(customer, 3, "Our terms", Terms)
    if not terms.accepted:
        return {"customer": customer, "welcome": False}
    return {"customer": customer, "welcome": True, "company": company.name, "email": contact.email}


async def main(customer: str) -> None:
    run = await onboard.trigger(customer)
    async with AsyncWaitpoint() as waitpoint:
        while not (await run.retrieve()).is_finished:
            page = await waitpoint.tokens.list(tags=f"onboarding:{customer}", status="WAITING").page()
            for token in page:
                answer = await asyncio.to_thread(input, f"{token.tags[-1]}, as JSON: ")
                await waitpoint.tokens.complete(token, json.loads(answer))
            await asyncio.sleep(0.2)
    print(await run.result())


if __name__ == "__main__":
    asyncio.run(main(" ".join(sys.argv[1:]) or "acme"))
