"""Books, and the loans of each."""

from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from library_port.database import Book, Loan
from library_port.deps import (
    MemberDep,
    Refused,
    SessionDep,
    checked,
    count_of,
    json_object,
    librarian_only,
    member_only,
    now,
)

router = APIRouter(dependencies=[Depends(member_only)])
LIBRARIAN = [Depends(librarian_only)]


def show(book: Book) -> dict[str, Any]:
    names = ("id", "isbn", "title", "author", "year", "copies")
    return {**{name: getattr(book, name) for name in names}, "free": book.copies - book.lent}


def show_loan(loan: Loan) -> dict[str, Any]:
    return {
        "id": loan.id,
        "book": loan.book_id,
        "member": loan.member_id,
        "lent_at": loan.lent_at.isoformat(),
        "due_at": loan.due_at.isoformat(),
        "returned_at": loan.returned_at and loan.returned_at.isoformat(),
    }


async def find_book(session: AsyncSession, idx: int) -> Book:
    book = await session.get(Book, idx)
    if book is None:
        raise Refused(404, f"there is no book {idx}")
    return book


@router.get("/books")
async def books(request: Request, response: Response, session: SessionDep) -> list[Any]:
    query = select(Book)
    if author := request.query_params.get("author"):
        query = query.where(Book.author == author)
    total = await session.scalar(select(func.count()).select_from(query.subquery()))
    response.headers["X-Total-Count"] = str(total)
    # parity: a limit of 0 is no limit
    limit = count_of(request.query_params.get("limit"), 20) or None
    offset = count_of(request.query_params.get("offset"), 0)
    page = await session.scalars(query.order_by(Book.title, Book.id).limit(limit).offset(offset))
    return [show(book) for book in page]


@router.post("/books", status_code=201, dependencies=LIBRARIAN)
async def add_book(request: Request, response: Response, session: SessionDep) -> dict[str, Any]:
    fields = ("isbn", "title", "author")
    body = checked(await json_object(request), text=fields, whole=("year", "copies"))
    book = Book(**body)
    session.add(book)
    try:
        await session.commit()
    except IntegrityError:
        raise Refused(409, "this ISBN is on the shelf") from None
    await session.refresh(book)
    response.headers["Location"] = f"/books/{book.id}"
    return show(book)


@router.get("/books/{idx:int}")
async def book(idx: int, session: SessionDep) -> dict[str, Any]:
    return show(await find_book(session, idx))


@router.put("/books/{idx:int}", dependencies=LIBRARIAN)
async def edit_book(idx: int, request: Request, session: SessionDep) -> dict[str, Any]:
    book = await find_book(session, idx)
    fields = ("title", "author")
    body = checked(await json_object(request), text=fields, whole=("year", "copies"))
    for name, value in body.items():
        setattr(book, name, value)
    await session.commit()
    await session.refresh(book)
    return show(book)


@router.delete("/books/{idx:int}", dependencies=LIBRARIAN)
async def remove_book(idx: int, session: SessionDep) -> dict[str, Any]:
    book = await find_book(session, idx)
    if await session.scalar(select(Loan.id).where(Loan.book_id == idx).limit(1)):
        raise Refused(409, "a book that was lent stays in the records")
    await session.delete(book)
    await session.commit()
    return {"removed": idx}


@router.get("/books/{idx:int}/loans")
async def loans(idx: int, member: MemberDep, session: SessionDep) -> list[Any]:
    await find_book(session, idx)
    query = select(Loan).where(Loan.book_id == idx).order_by(Loan.id)
    if not member.librarian:
        query = query.where(Loan.member_id == member.id)
    return [show_loan(loan) for loan in await session.scalars(query)]


@router.post("/books/{idx:int}/loans", status_code=201)
async def lend(
    idx: int, request: Request, member: MemberDep, session: SessionDep
) -> dict[str, Any]:
    book = await find_book(session, idx)
    if book.copies - book.lent < 1:
        raise Refused(409, "no copy is left")
    lent = now()
    due = lent + timedelta(days=request.app.state.settings.loan_days)
    loan = Loan(book_id=idx, member_id=member.id, lent_at=lent, due_at=due)
    session.add(loan)
    await session.commit()
    await session.refresh(loan)
    return show_loan(loan)


@router.post("/loans/{idx:int}/return")
async def give_back(idx: int, member: MemberDep, session: SessionDep) -> dict[str, Any]:
    loan = await session.get(Loan, idx)
    if loan is None or (loan.member_id != member.id and not member.librarian):
        raise Refused(404, f"there is no loan {idx}")
    if loan.returned_at is not None:
        raise Refused(409, "this loan is over")
    loan.returned_at = now()
    await session.commit()
    await session.refresh(loan)
    return show_loan(loan)
