"""`/plant/…`."""

from collections.abc import Sequence

from cornflow_f.external import guarded_router, public_router
from cornflow_f.web.deps import SessionDep, UserDep
from plants_app.models.plant import Plant
from plants_app.schemas.plant import PlantEditRequest, PlantReply, PlantRequest, Units
from plants_app.services import plant as plant_service

router = guarded_router("Plants")
public = public_router("Plants")


@router.get("/plant/", name="plants", response_model=list[PlantReply])
async def list_plants(session: SessionDep) -> Sequence[Plant]:
    return await plant_service.list_all(session)


@router.post("/plant/", name="plants", response_model=PlantReply, status_code=201)
async def create_plant(data: PlantRequest, session: SessionDep, user: UserDep) -> Plant:
    return await plant_service.create(session, user.id, data.name, data.capacity)


@router.get("/plant/{idx:int}/", name="plants-detail", response_model=PlantReply)
async def get_plant(idx: int, session: SessionDep) -> Plant:
    return await plant_service.get(session, idx)


@router.put("/plant/{idx:int}/", name="plants-detail", response_model=PlantReply)
async def edit_plant(idx: int, data: PlantEditRequest, session: SessionDep, user: UserDep) -> Plant:
    return await plant_service.set_capacity(session, user.id, idx, data.capacity)


@public.get("/plant/units/", name="plants-units", response_model=Units)
async def get_units() -> Units:
    return Units(capacity="tons a day")
