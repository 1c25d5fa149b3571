"""The limits of what is read from files and texts, with their units and reasons.

Every reader imports its own from here. What is over a limit is refused in a sentence; it must never cost more
than a few seconds or half a gigabyte of memory, whoever made the file.
"""

from __future__ import annotations

MILLION = 1_000_000
MB = 1_000_000  # bytes

# Documents: our JSON on disk, in pictures and in concept files.
MAX_DOCUMENT_BYTES = 4 * MB  # the largest of ours, a grid of 400 cells, has 0.6 MB
MAX_DEPTH = 12  # the deepest of ours, the knobs of a grid's cell, has 6
MAX_ENTRIES = 100_000  # of all lists and tables together
MAX_TEXT_LETTERS = 200_000  # the longest of ours is the preview of a concept
MAX_SHORT_LETTERS = 500  # titles, names, versions
MAX_FILE_NAME_LETTERS = 300
MAX_WHOLE = 2**63  # a whole number of SQLite and of safetensors has 63 bits

# Prompts and recipes. The page sends at most 1000 letters.
MAX_PROMPT_LETTERS = 20_000  # a text encoder reads 300 tokens of it, but recipes of other programs are kept
MAX_HANDLES = 75  # concepts named by one recipe; as many tokens as a text encoder reads
MAX_PARAMETERS_LETTERS = 200_000  # the `parameters` text of other programs
MAX_SEED = 2**31 - 1  # what every random generator here takes
MAX_STEPS = 200  # sampling steps
MAX_GUIDANCE = 50.0
MAX_COUNT = 64  # pictures of one recipe
MAX_SIDE = 4096  # pixels of a painted picture
MAX_CLIP_SKIP = 12  # layers; no text encoder in use has fewer that mean anything
MAX_TIMES_BASE = 4  # a picture's side, in sides of the base's own; larger ones repeat themselves and are slow
MAX_STRENGTH = 2.0  # of a concept; 1 is as learned

# Painted pictures.
MAX_STARS = 20_000  # starred pictures; the list of them is written with every star
MAX_FAVOURITE_PROMPTS = 200
MAX_CHOSEN = 2_000  # pictures that one press of a button deletes, stars or packs
MAX_SEARCHED_LETTERS = 2_000  # of a prompt that a search looks through

# Concept files (safetensors).
MAX_CONCEPT_BYTES = 512 * MB  # low-rank edits of large models have up to 200
MAX_FOREIGN_BYTES = 2 * MAX_CONCEPT_BYTES  # of another program's, which may have 32 bits a number
MAX_TABLE_BYTES = 4 * MB
MAX_TENSORS = 5_000  # low-rank edits of all layers of Stable Diffusion XL are about 2200
MAX_PREVIEW_SIDE = 2048  # pixels
MAX_NOTE_LETTERS = 1_000  # of what a person writes about a concept
MAX_MARKED = 20_000  # concepts with a star, a note or a cover; all of them are in one document
MAX_INDEX_BYTES = 256 * MB  # of the headers that a library keeps for the next start

# Photos and masks.
MAX_PHOTO_BYTES = 200 * MB  # of a file; the largest photo of a phone, 200 megapixels, has 60 MB
MAX_DECODING_BYTES = 400 * MB  # of memory while a picture is decoded, by the estimate of `photos.decoding`
MAX_PROFILE_BYTES = 4 * MB  # of an ICC profile; the largest of print shops have 3 MB
MAX_PIXELS = 100 * MILLION  # of a picture that has to be decoded whole
MAX_JPEG_PIXELS = 256 * MILLION  # a JPEG is reduced while it is decoded; phones make 200
MIN_PHOTO_SIDE = 32  # pixels; on less nothing can be recognised
MAX_PHOTO_ASPECT = 5.0  # long side by short side; a square of a longer one shows too little of it
MAX_PHOTO_SIDE = 1024  # pixels of the short side that are kept; as much as the largest base trains on
MAX_PNG_LETTERS = 4 * MILLION  # of a mask that the page's canvas sends, as base64
MAX_PHOTOS = 30  # of one training

# Captions of photos.
MAX_CAPTION_LETTERS = 2_000  # those of other trainers describe everything in 300 words
MAX_CAPTION_BYTES = 64_000

# Drafts: what a browser has filled in, kept over a reload.
MAX_DRAFTS = 20  # browsers; the oldest goes first
MAX_DRAFT_DAYS = 30  # since it was changed last
MAX_DRAFT_BYTES = 100 * MB  # of the photos and masks of one; thirty of 1024 pixels have 60
MAX_DRAFT_FIELDS = 500  # controls; the page has about 250

# Presets: settings of a method under a name of one's own.
MAX_PRESETS = 200
MAX_PRESET_SETTINGS = 200  # the method with the most has 29
MAX_PRESET_LETTERS = 60  # of a name

# Text files: captions and prompts, one a line.
MAX_LINES_BYTES = 100 * MB  # a hundred thousand captions have 6 MB

# Jobs.
MAX_MOMENT = 1e11  # seconds since 1970, in the year 5138; a calendar ends with the year 9999
MAX_EVENT_BYTES = 100_000  # of one line of a log
MAX_LOG_BYTES = 64 * MB  # of a log; a training of 20,000 steps writes 3 MB

# Words to people.
MAX_MESSAGE_LETTERS = 500  # of a message or its hint
