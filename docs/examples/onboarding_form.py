"""A form in three steps: the run asks one after the other, checks in between, and asks again where it must.

Each step is a token with a form, and an answer that does not fit its form is refused while the token keeps waiting.
The customer opens the link that the worker prints, the same for all steps, or types the answers into this program.

    waitpoint worker onboarding_form
    python onboarding_form.py acme
"""

import asyncio
import json
import sys
from typing import Any

from pydantic import BaseModel, Field

from waitpoint import AsyncWaitpoint, InvalidInput, JourneyStep, Request, step, task, wait

STEPS = 3


class Company(BaseModel):
    name: str = Field(min_length=1)
    country: str = Field(pattern="^[A-Z]{2}$")


class Contact(BaseModel):
    email: str = Field(pattern=r"^\S+@\S+$")


class Terms(BaseModel):
    accepted: bool


@step
async def tell(customer: str, title: str, link: str) -> None:
    """Send the link, or have the customer's page show what is behind it."""
    print(f"{customer}, {title}: {link}", flush=True)


@step
async def complaint_about(company: Company) -> str:
    """Whether the register knows the company. A stand-in that has never heard of Atlantis."""
    return "We cannot find this company there." if company.country == "AT" and "Atlantis" in company.name else ""


async def answer_to(customer: str, number: int, title: str, form: type[BaseModel], complaint: str = "") -> Any:
    """One step: a week of patience, and an answer that fits its form."""
    request = Request(
        title=title,
        body=complaint,
        form=form,
        journey=f"onboarding:{customer}",
        step=JourneyStep(index=number, of=STEPS, title=title),
    )
    tags = [f"onboarding:{customer}", f"step:{number}"]
    token = await wait.create_token(timeout="7d", tags=tags, request=request)
    await tell(customer, title, str(token.journey_url))
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
                try:
                    await waitpoint.tokens.complete(token, json.loads(answer))
                except (InvalidInput, ValueError) as problem:
                    print(problem)
            await asyncio.sleep(0.2)
    print(await run.result())


if __name__ == "__main__":
    asyncio.run(main(" ".join(sys.argv[1:]) or "acme"))
