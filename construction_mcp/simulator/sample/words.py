"""Invented names and texts. Nobody and nothing here exists."""

FIRST_NAMES = (
    "Maren", "Tobias", "Ines", "Calvin", "Priya", "Owen", "Lucia", "Desmond", "Hana", "Felix", "Rosa", "Anders",
    "Joelle", "Marcus", "Yuki", "Nadia", "Ezra", "Paloma", "Grant", "Simone", "Idris", "Wren", "Mateo", "Alice",
    "Bennett", "Carmen", "Derek", "Elsa", "Farid", "Greta",
)  # fmt: skip
LAST_NAMES = (
    "Holloway", "Brandt", "Okafor", "Lindqvist", "Marchetti", "Sato", "Pruitt", "Valdez", "Ostrow", "Nakamura",
    "Ferris", "Kowal", "Dunmore", "Abara", "Whitlock", "Serrano", "Tran", "Gallagher", "Novak", "Ellery", "Castellan",
    "Boone", "Hartig", "Moreau", "Quill",
)  # fmt: skip

COMPANIES = (
    ("Cedar & Vale Builders", "cedarvale.example", True),
    ("Cedar & Vale Civil", "cvcivil.example", True),
    ("Harborline Joint Venture", "harborline.example", False),  # the app is not installed here: 403
)

# name, number, city, state, zone, value, days since start, days to completion, active
PROJECTS = {
    1: (
        ("Harbor Point Medical Office Building", "24-017", "Milwaukee", "WI", "Central Time (US & Canada)",
         "38450000.00", 310, 220, True),
        ("Riverside Elementary Modernization", "24-031", "Sacramento", "CA", "Pacific Time (US & Canada)",
         "21900000.00", 240, 150, True),
        ("Mill Street Lofts", "25-004", "Denver", "CO", "Mountain Time (US & Canada)", "17250000.00", 150, 380, True),
        ("Northgate Distribution Center", "23-052", "Columbus", "OH", "Eastern Time (US & Canada)",
         "29600000.00", 520, -30, False),
    ),
    2: (
        ("Elm Creek Water Reclamation Upgrade", "C-118", "Boise", "ID", "Mountain Time (US & Canada)",
         "44100000.00", 270, 400, True),
    ),
    3: (
        ("Juniper Ridge Data Hall", "JV-2", "Phoenix", "AZ", "Mountain Time (US & Canada)",
         "96000000.00", 90, 600, True),
    ),
}  # fmt: skip

TRADES = (  # the first three are who the designers and the owner's people work for
    "Architecture", "Structural Engineering", "Owner Representation",
    "Concrete", "Structural Steel", "Masonry", "Carpentry", "Roofing", "Waterproofing", "Doors and Hardware",
    "Glazing", "Drywall", "Flooring", "Painting", "Fire Protection", "Plumbing", "HVAC", "Electrical", "Earthwork",
    "Landscaping", "Elevators",
)  # fmt: skip
VENDOR_STEMS = (
    "Ironwood", "Tallgrass", "Bluestem", "Keystone", "Fairmount", "Lakeview", "Granite", "Summit", "Pinecrest",
    "Redstone", "Beacon", "Coppermill", "Stonebridge", "Clearwater", "Oakhurst", "Silverline", "Brightwater",
    "Meridian",
)  # fmt: skip

COST_CODES = (
    ("01-310", "Project Management"), ("01-740", "Final Cleaning"), ("02-410", "Selective Demolition"),
    ("03-300", "Cast-in-Place Concrete"), ("03-450", "Precast Panels"), ("04-200", "Unit Masonry"),
    ("05-120", "Structural Steel Framing"), ("05-500", "Metal Fabrications"), ("06-100", "Rough Carpentry"),
    ("07-210", "Thermal Insulation"), ("07-540", "Membrane Roofing"), ("07-920", "Joint Sealants"),
    ("08-110", "Hollow Metal Doors"), ("08-440", "Curtain Wall"), ("09-290", "Gypsum Board"),
    ("09-650", "Resilient Flooring"), ("09-910", "Painting"), ("14-200", "Elevators"),
    ("21-130", "Fire Sprinklers"), ("22-110", "Domestic Water Piping"), ("23-310", "Ductwork"),
    ("23-740", "Rooftop Units"), ("26-240", "Switchboards"), ("26-510", "Interior Lighting"),
    ("31-230", "Excavation and Fill"), ("32-130", "Site Concrete"),
)  # fmt: skip

LOCATIONS = {
    "Level 1": ("Lobby", "Corridor 110", "Electrical Room 118", "Loading Dock"),
    "Level 2": ("Corridor 210", "Suite 220", "Suite 240", "Mechanical Room 205"),
    "Level 3": ("Corridor 310", "Suite 320", "Suite 340"),
    "Roof": ("Penthouse", "Roof Area A", "Roof Area B"),
    "Site": ("North Parking", "South Entry", "Utility Yard"),
}

SPEC_SECTIONS = (
    ("03 30 00", "Cast-in-Place Concrete"), ("04 22 00", "Concrete Unit Masonry"), ("05 12 00", "Structural Steel"),
    ("07 21 00", "Thermal Insulation"), ("07 54 23", "TPO Roofing"), ("07 92 00", "Joint Sealants"),
    ("08 11 13", "Hollow Metal Doors and Frames"), ("08 44 13", "Glazed Aluminum Curtain Walls"),
    ("09 29 00", "Gypsum Board"), ("09 65 00", "Resilient Flooring"), ("09 91 23", "Interior Painting"),
    ("14 24 00", "Hydraulic Elevators"), ("21 13 13", "Wet-Pipe Sprinklers"), ("22 11 16", "Domestic Water Piping"),
    ("23 31 13", "Metal Ducts"), ("23 74 13", "Packaged Rooftop Units"), ("26 24 13", "Switchboards"),
    ("26 51 00", "Interior Lighting"), ("31 23 00", "Excavation and Fill"), ("32 13 13", "Concrete Paving"),
)  # fmt: skip

RFI_TOPICS = (
    ("Slab edge elevation at {place}", "The slab edge in {place} is drawn 1 1/2 in. lower on {sheet} than the curtain "
     "wall anchor detail assumes. Which elevation governs?"),
    ("Beam penetration conflict, {place}", "The duct main crosses the W18 beam at {place} on {sheet}. Please confirm a "
     "reinforced web opening or a new duct route."),
    ("Door hardware set missing at {place}", "The door schedule lists no hardware set for the opening at {place}. "
     "Please provide one, with the access control rough-in if required."),
    ("Fire rating of partition at {place}", "The life safety plan shows a 2-hour rating at {place}; {sheet} shows a "
     "1-hour assembly. Please advise."),
    ("Ceiling height and sprinkler main, {place}", "With the sprinkler main as coordinated, 9 ft 0 in. clear cannot be "
     "held at {place}. Is 8 ft 8 in. acceptable?"),
    ("Anchor bolt pattern at {place}", "Anchor bolts as placed at {place} are 3/4 in. off the template. Please review "
     "the attached survey and advise on a fix."),
    ("Waterproofing termination at {place}", "{sheet} does not show how the membrane ends at the {place} sill. Please "
     "provide a termination detail."),
    ("Electrical panel clearance, {place}", "The panel in {place} has 33 in. of working clearance as drawn. Can the "
     "adjacent casework be shortened?"),
    ("Finish schedule discrepancy, {place}", "The finish plan calls for resilient flooring at {place}, the schedule "
     "for carpet tile. Which one is correct?"),
    ("Underground utility found at {place}", "An unmarked 4 in. line was uncovered near {place}. Please advise how to "
     "proceed; excavation there has stopped."),
    ("Concealed steel embed at {place}", "No embed is shown for the canopy connection at {place}. Please issue a "
     "sketch before the pour."),
    ("Rooftop unit curb size, {place}", "The submitted unit needs a curb 6 in. longer than {sheet} shows at {place}. "
     "Please confirm the framing change."),
)  # fmt: skip
RFI_ANSWERS = (
    "Follow the architectural elevation; the structural drawing will be revised.",
    "Proceed with the proposed route. Keep 2 in. clear of the fireproofing.",
    "See the attached sketch, which becomes part of the next bulletin.",
    "The higher rating governs. Adjust the assembly as scheduled for type P4.",
    "Acceptable as proposed, at no change to cost or time.",
    "Provide a cost for the change before proceeding; we will review it with the owner.",
)
RFI_COMMENTS = (
    "We need this before the next pour to hold the schedule.",
    "Forwarded to our structural consultant.",
    "Can you send a photo of the condition?",
)

SUBMITTAL_TYPES = ("Product Data", "Shop Drawing", "Sample", "Mock-Up", "Closeout")
SUBMITTAL_STATUSES = (("Draft", "Draft"), ("Open", "Open"), ("Closed", "Closed"), ("Distributed", "Distributed"))
SUBMITTAL_RESPONSES = (
    ("Pending", "pending"), ("Submitted", "submitted"), ("Approved", "approved"),
    ("Approved as Noted", "approved_as_noted"), ("Revise and Resubmit", "revise_and_resubmit"),
    ("Rejected", "rejected"), ("For Record Only", "for_record_only"),
)  # fmt: skip

PUNCH_ITEMS = (
    "Touch up paint at door frame", "Adjust closer", "Replace cracked ceiling tile", "Seal gap at countertop",
    "Clean sealant off glazing", "Label electrical panel", "Reset loose base", "Patch drywall at outlet",
    "Level threshold", "Replace missing cover plate", "Re-aim exit light", "Align cabinet doors",
)  # fmt: skip
PUNCH_TYPES = ("Architectural", "Mechanical", "Electrical", "Plumbing", "Exterior")
OBSERVATION_TYPES = (
    ("Workmanship", "Quality"), ("Non-Conforming Work", "Quality"), ("Housekeeping", "Safety"),
    ("Fall Protection", "Safety"), ("Functional Test", "Commissioning"), ("Warranty Call", "Warranty"),
    ("Incomplete Work", "Work to Complete"),
)  # fmt: skip
OBSERVATIONS = (
    "Guardrail missing at slab opening", "Rebar cover below 1 1/2 in.", "Extension cord without ground",
    "Debris in egress path", "Sealant joint not tooled", "Duct not supported at 8 ft", "Ladder not tied off",
    "Firestop missing at pipe sleeve", "Anchor torque not recorded", "Door swing blocks panel access",
)  # fmt: skip
CHECKLISTS = {
    "Pre-Pour Concrete": ("Forms clean and braced", "Rebar size and spacing", "Embeds placed", "Inspection signed"),
    "In-Wall Rough-In": ("Pipe tested", "Boxes secured", "Nail plates installed", "Firestop complete"),
    "Weekly Safety Walk": ("Access clear", "Fall protection in use", "Housekeeping", "Fire extinguishers charged"),
    "Roofing Quality": ("Substrate dry", "Seams probed", "Flashings complete"),
}
INCIDENTS = (
    ("Hand laceration while cutting stud", "Worker cut a finger on a metal stud; first aid given, back to work.", True),
    ("Forklift struck temporary fence", "No injuries. Fence panel replaced.", False),
    ("Near miss: unsecured material on roof", "Plywood moved in a gust; area cleared and material tied down.", False),
    ("Ankle sprain on uneven grade", "Treated at a clinic, one day of restricted duty.", True),
    ("Small hydraulic fluid spill", "Contained with absorbent, less than a gallon.", False),
)
MEETINGS = ("Owner-Architect-Contractor Meeting", "Subcontractor Coordination", "Weekly Safety Meeting")
MEETING_CATEGORIES = ("Safety", "Schedule", "RFIs and Submittals", "Open Items")
MEETING_TOPICS = (
    ("Two-week look-ahead", "Curtain wall starts at Level 2; hoist time is limited."),
    ("Overdue RFIs", "Three RFIs are past due and hold up the mechanical room."),
    ("Permanent power", "Utility needs the final load letter."),
    ("Long-lead equipment", "Rooftop units ship in five weeks."),
    ("Site logistics", "Crane path changes on Monday."),
)

ACTIVITIES = (
    ("Site", ("Mobilize", "Mass excavation", "Underground utilities", "Foundations")),
    ("Structure", ("Erect steel Level 1", "Erect steel Level 2", "Deck and pour Level 2", "Deck and pour Level 3")),
    ("Enclosure", ("Exterior framing", "Curtain wall", "Roofing", "Air barrier test")),
    ("Interiors", ("In-wall rough-in", "Drywall Level 1", "Drywall Level 2", "Ceilings", "Flooring", "Paint")),
    ("Systems", ("Set rooftop units", "Permanent power", "Elevator", "Fire alarm test", "Commissioning")),
    ("Close-out", ("Punch list", "Final inspections", "Substantial completion")),
)
CHANGE_EVENTS = (
    "Added fire dampers at shaft", "Unsuitable soil at north footing", "Owner upgrade: lobby flooring",
    "Relocate electrical panel", "Additional structural steel at canopy", "Delay from utility shutdown",
    "Revised door hardware", "Rooftop screen extension", "Storm drain conflict",
)  # fmt: skip
FOLDERS = {
    "01 Contracts": ("Owner", "Subcontracts"),
    "02 Drawings": ("Bid Set", "Bulletins"),
    "03 Specifications": (),
    "04 Photos": ("Drone",),
    "05 Safety": ("Toolbox Talks", "Site-Specific Plan"),
    "06 Close-out": ("Warranties", "Manuals"),
}
FILES = (
    "Site Logistics Plan.pdf", "Baseline Schedule.pdf", "Geotechnical Report.pdf", "Emergency Contacts.docx",
    "Toolbox Talk Ladders.pdf", "Concrete Mix Design.pdf", "Insurance Certificate.pdf", "Door Schedule.xlsx",
    "Permit Card.pdf", "Meeting Agenda.docx",
)  # fmt: skip
IMAGE_CATEGORIES = ("Progress", "Deliveries", "Quality", "Safety")
DISCIPLINES = (("A", "Architectural"), ("S", "Structural"), ("M", "Mechanical"), ("E", "Electrical"), ("P", "Plumbing"))
SHEETS = ("Floor Plan", "Reflected Ceiling Plan", "Enlarged Plan", "Details", "Sections", "Schedules")
